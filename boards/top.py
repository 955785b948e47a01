"""Top of a board: clock, reset, and an engine behind a serial line."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Const, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from tenzo.boards.board import Board
from tenzo.boards.clocks import PllSettings, mhz_text
from tenzo.boards.loops import pll_instance
from tenzo.boards.steps import NAME
from tenzo.hw.memory import Target
from tenzo.hw.netlist import component_verilog
from tenzo.hw.serial_engine import SerialEngine
from tenzo.hw.verilog import portable
from tenzo.sw.engine import EngineParameters

RESET_CYCLES = 4
"""Clock cycles of reset after the clock has become stable."""


class BoardTop(wiring.Component):
    """An engine on a board.

    ::

        clk -> PLL -> clock of everything below
                | locked
                v
        reset synchroniser -> reset, RESET_CYCLES cycles after the clock is stable

        rx -> SerialEngine -> tx

    Parameters
    ----------
    board : :class:`Board`
    engine : :class:`EngineParameters`
    pll : :class:`PllSettings`, optional
        Settings of the phase-locked loop; without them ``clk`` is the clock of everything.
    divisor : :class:`int`
        Clock cycles of one bit on the serial line.

    Members
    -------
    clk : ``In(1)``
        Oscillator of the board.
    rx : ``In(1)``
        Serial line from the host.
    tx : ``Out(1)``
        Serial line to the host.
    """

    clk: Any
    rx: Any
    tx: Any

    def __init__(
        self, board: Board, engine: EngineParameters, pll: PllSettings | None, divisor: int
    ) -> None:
        self.board, self.engine, self.pll, self.divisor = board, engine, pll, divisor
        super().__init__({"clk": In(1), "rx": In(1), "tx": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build clock and reset, then what they drive."""
        m = Module()
        m.domains.sync = ClockDomain()
        stable: Any = Const(1)
        if self.pll is None:
            m.d.comb += ClockSignal().eq(self.clk)
        else:
            stable, clock = Signal(name="locked"), Signal(name="pll_clk")
            m.submodules.pll = pll_instance(self.board, self.pll, self.clk, clock, stable)
            m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = FFSynchronizer(
            ~stable, ResetSignal(), o_domain="sync", init=1, stages=RESET_CYCLES
        )
        m.submodules.serial = serial = SerialEngine(self.engine, self.divisor)
        m.d.comb += [serial.rx.eq(self.rx), self.tx.eq(serial.tx)]
        return m


def board_verilog(
    board: Board, engine: EngineParameters, pll: PllSettings | None, divisor: int
) -> str:
    """Return the Verilog of a board's top, module :data:`tenzo.boards.steps.NAME` and all below it.

    The text is the same whenever the arguments are the same.
    """
    top = BoardTop(board, engine, pll, divisor)
    clock = pll.output_mhz if pll else board.input_mhz
    header = f"// {board.title}, {mhz_text(clock)} MHz, {divisor} clock cycles a bit\n"
    target = Target(has_spram=board.single_port_rams > 0)
    return header + portable(component_verilog(top, NAME, target))
