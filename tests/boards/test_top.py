from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from tenzo.boards.catalogue import boards, find_board
from tenzo.boards.clocks import find_baud, find_pll
from tenzo.boards.pins import board_pins
from tenzo.boards.top import board_verilog
from tenzo.sw.engine import EngineParameters
from tenzo.sw.planning.resources import memory_needs

pytestmark = pytest.mark.slow

SMALL = EngineParameters(lane_count=3, lane_depth=64, weight_depth=64, bias_depth=16, stage_slots=4)


@cache
def verilog_of(name: str, engine: EngineParameters = SMALL) -> str:
    board = find_board(name)
    clock = board.default_mhz
    return board_verilog(board, engine, find_pll(board, clock), find_baud(board, clock)[1])


@pytest.mark.parametrize(
    ("board", "primitive", "ratio"),
    [("ulx3s-85f", "EHXPLLL", ".CLKOS_DIV(32'd5)"), ("arty-a7-35", "PLLE2_BASE", "CLKOUT0_DIVIDE")],
)
def test_board_with_another_clock_has_a_loop(board: str, primitive: str, ratio: str) -> None:
    text = verilog_of(board)
    assert text.count(f"  {primitive} #(") == 1
    assert ratio in text


def test_board_with_the_clock_wanted_has_no_loop() -> None:
    board = find_board("icepi-zero")
    pll = find_pll(board, board.input_mhz)
    assert pll is None
    assert "PLL" not in board_verilog(board, SMALL, pll, 16)


def test_verilog_is_the_same_every_time() -> None:
    assert verilog_of("ulx3s-12f") == verilog_of.__wrapped__("ulx3s-12f")


def test_ports_are_clock_and_line() -> None:
    text = verilog_of("icebreaker")
    assert re.findall(r"^module tenzo_board\((.*)\);$", text, re.M) == ["rx, tx, clk"]


def memories(text: str) -> Counter[tuple[int, int]]:
    """Words and bits of the memories in Verilog."""
    found = re.findall(r"^  reg (?:signed )?\[(\d+):0\] \S+ +\[(\d+):0\];$", text, re.M)
    return Counter((int(last) + 1, int(high) + 1) for high, last in found)


@pytest.mark.parametrize(
    "engine",
    [
        SMALL,
        replace(SMALL, lane_count=4, requantizer_sharing=4, result_depth=3),
        replace(SMALL, table_units=1, table_segment_bits=6),
    ],
)
def test_memories_that_are_planned_are_those_of_the_verilog(engine: EngineParameters) -> None:
    found = memories(verilog_of("ulx3s-12f", engine))
    planned: Counter[tuple[int, int]] = Counter()
    for need in memory_needs(engine):
        planned[need.words, need.bits] += need.count
    small = {size for size in found if size[0] <= 3}  # queue of queries and patched addresses
    assert Counter({size: n for size, n in found.items() if size not in small}) == planned


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_pins_are_three_sites_of_the_package(board) -> None:
    pins = board_pins(board)
    assert [pin.port for pin in pins] == ["clk", "rx", "tx"]
    assert [pin.direction for pin in pins] == ["input", "input", "output"]
    assert len({pin.site for pin in pins}) == 3
