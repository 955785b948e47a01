from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import pytest
from click.testing import CliRunner

from tenzo.boards.board import Board
from tenzo.boards.catalogue import boards, find_board
from tenzo.boards.clocks import find_baud, find_pll
from tenzo.sw.cli import main
from tenzo.sw.errors import UserError

EVERY = pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)


def test_boards_are_these_eight() -> None:
    assert {board.name for board in boards()} == {
        "ulx3s-85f", "ulx3s-12f", "colorlight-5a75b", "icepi-zero", "icebreaker",
        "ice40-hx8k-evn", "tang-nano-9k", "arty-a7-35",
    }  # fmt: skip


def test_unknown_board_lists_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"'de10' is no board: use one of ulx3s-85f, .*arty-a7-35$"):
        find_board("de10")


def test_misspelt_board_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean icebreaker"):
        find_board("icebraker")


@EVERY
def test_default_clock_can_be_made(board: Board) -> None:
    settings = find_pll(board, board.default_mhz)
    assert (settings.output_mhz if settings else board.input_mhz) == board.default_mhz


@EVERY
def test_default_clock_has_a_baud_rate(board: Board) -> None:
    baud, divisor = find_baud(board, board.default_mhz)
    assert baud * divisor == board.default_mhz * 1_000_000
    assert baud <= board.default_baud


@EVERY
def test_facts_agree_with_the_platform(board: Board) -> None:
    module, _, name = board.platform.partition(":")
    platform = getattr(import_module(module), name)()
    assert platform.default_clk_frequency == board.input_mhz * 1_000_000
    assert platform.lookup("uart", 0).name == "uart"


def test_facts_are_read_without_amaranth() -> None:
    code = (
        "from tenzo.boards.catalogue import boards; boards(); import tenzo.boards.clocks, sys;"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"amaranth", "amaranth_boards", "numpy"} & set(result.stdout.split()) == set()


def test_command_lists_every_board() -> None:
    result = CliRunner().invoke(main, ["boards"])
    assert result.exit_code == 0
    assert all(f" {board.name} " in result.output for board in boards())


def test_command_tells_programs_the_same() -> None:
    listed = json.loads(CliRunner().invoke(main, ["boards", "--json"]).output)
    assert [entry["name"] for entry in listed] == [board.name for board in boards()]
    archive = [entry["name"] for entry in listed if not entry["bitstream"]]
    assert archive == ["arty-a7-35"]


def test_plan_says_how_a_network_fits_each_board() -> None:
    result = CliRunner().invoke(main, ["plan", "mnist", "--json"])
    fits = {entry["board"]: entry for entry in json.loads(result.output)["boards"]}
    assert set(fits) == {board.name for board in boards()}
    assert fits["ulx3s-12f"]["lanes"] > 0 and not fits["icebreaker"]["fits"]
    assert fits["ulx3s-12f"]["step_link_seconds"] > fits["ulx3s-12f"]["step_engine_seconds"]
