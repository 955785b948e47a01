"""``tenzo simulate-board``: what it prints, how it ends, and its user's slips."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sw.runs_support import run_tenzo

# The model of the line alone: boards with engines are in tests/sim/board.
_CODE = """
import sys
from tenzo.sim.board import board
from tests.sim.board.echo_board import build_echo
board.build_board = lambda engine, divisor: build_echo()
sys.argv[0] = "tenzo"
from tenzo.sw.cli import main
main()
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the command with a board that sends everything back."""
    return subprocess.Popen(
        [sys.executable, "-c", _CODE, "simulate-board", "digits", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_and_removes_the_link(
    number: signal.Signals, tmp_path: Path
) -> None:
    link = tmp_path / "board"
    process = start("--link", str(link))
    assert first_line(process) == str(link)
    assert link.is_symlink()
    process.send_signal(number)
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, "")
    traffic = said.splitlines()[-1]  # whatever building the simulator said before it
    assert re.fullmatch(r"0 bytes in, 0 bytes out, 0 damaged, \d+ clock cycles", traffic)
    assert not link.is_symlink()


@pytest.mark.slow
def test_json_names_port_terminal_and_process(tmp_path: Path) -> None:
    link = tmp_path / "board"
    process = start("--json", "--link", str(link))
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        text += process.stdout.readline()
    document = json.loads(text)
    assert document["port"] == str(link)
    assert document["terminal"] == os.readlink(link)
    os.kill(document["pid"], 0)
    process.terminate()
    process.communicate(timeout=60)


@pytest.mark.slow
def test_a_board_that_dies_is_a_sentence_and_status_1(tmp_path: Path) -> None:
    link = tmp_path / "board"
    process = start("--link", str(link))
    first_line(process)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip() == "tenzo: the simulated board stopped: was ended by SIGKILL"
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("file", "file is there already and no symbolic link: name another path"),
        ("no/board", "no is no folder: make it, or name another path"),
    ],
)
def test_a_link_that_cannot_be_made_is_a_sentence_before_anything_is_built(
    link: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("TENZO_CACHE", str(tmp_path / "cache"))
    result = run_tenzo("simulate-board", "digits", "--link", str(tmp_path / link))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (tmp_path / "cache").exists()
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder without write permission")
def test_a_link_in_a_folder_that_cannot_be_written_is_a_sentence() -> None:
    process = start("--link", "/proc/board")
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (2, "")
    assert said.splitlines()[-1].startswith("tenzo: the link /proc/board cannot be made: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("digits", "--faults", "2"), "faults must be a probability from 0 to 1, not 2.0"),
        (("digits", "--faults", "often"), "'often' is not a valid float"),
        (("digits", "--baud-divisor", "2"), "divisor must be at least 4, not 2"),
        (("no-such-preset",), "no-such-preset"),
    ],
)
def test_slips_are_a_sentence_before_anything_is_built(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENZO_CACHE", str(tmp_path / "cache"))
    result = run_tenzo("simulate-board", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (tmp_path / "cache").exists()
