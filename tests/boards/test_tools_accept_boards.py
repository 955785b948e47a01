"""Loop, pins and clock of every board go through the real tools, with a register for an engine."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

import tenzo.boards.top
from tenzo.boards.build import build
from tenzo.boards.catalogue import find_board
from tenzo.boards.design import make_design
from tenzo.sw.configuration.config import load_config

pytestmark = pytest.mark.slow

#: Board, a clock that needs its loop, and how its bitstream begins.
CASES = [
    ("ulx3s-85f", 80, b"\xff\x00"),
    ("ulx3s-12f", 50, b"\xff\x00"),
    ("colorlight-5a75b", 50, b"\xff\x00"),
    ("icepi-zero", 60, b"\xff\x00"),
    ("icebreaker", 24, b"\xff\x00"),
    ("ice40-hx8k-evn", 24, b"\xff\x00"),
    ("tang-nano-9k", 33, b"1111"),
]


class Register(wiring.Component):
    """In place of an engine: the line, a cycle later."""

    def __init__(self, engine, divisor: int) -> None:
        super().__init__({"rx": In(1), "tx": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        count = Signal(8)
        m.d.sync += [count.eq(count + self.rx), self.tx.eq(count[-1])]
        return m


@pytest.mark.parametrize(("name", "clock", "start"), CASES, ids=[case[0] for case in CASES])
def test_loop_and_pins_are_accepted(name, clock, start, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tenzo.boards.top, "SerialEngine", Register)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    board = find_board(name)
    design = make_design(load_config("digits"), board, clock_mhz=Fraction(clock))
    built = build([design])
    assert built.bitstream.startswith(start)
    assert built.outcome.used["PLL"][0] == 1
    assert built.outcome.target_mhz == clock and built.outcome.meets
