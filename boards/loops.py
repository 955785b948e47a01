"""Phase-locked loops as instances of each vendor's primitive."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Const, Instance, Signal

from tenzo.boards.board import Board
from tenzo.boards.clocks import PllSettings, mhz_text


def pll_instance(
    board: Board, pll: PllSettings, source: Signal, clock: Signal, locked: Signal
) -> Instance:
    """Return the instance that makes ``clock`` from ``source`` and raises ``locked``."""
    make: dict[str, Callable[..., Instance]] = {
        "EHXPLLL": _ecp5,
        "SB_PLL40_CORE": _ice40,
        "SB_PLL40_PAD": _ice40,
        "rPLL": _gowin,
        "PLLE2_BASE": _xilinx,
    }
    return make[board.pll](board, pll, source, clock, locked)


def _ecp5(
    board: Board, pll: PllSettings, source: Signal, clock: Signal, locked: Signal
) -> Instance:
    """Feed the slowest output back, so that the other one may divide the oscillator freely."""
    feedback = Signal(name="pll_feedback")
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=mhz_text(pll.input_mhz),
        a_FREQUENCY_PIN_CLKOP=mhz_text(pll.phase_mhz),
        a_FREQUENCY_PIN_CLKOS=mhz_text(pll.output_mhz),
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        p_OUTDIVIDER_MUXB="DIVB",
        p_OUTDIVIDER_MUXC="DIVC",
        p_OUTDIVIDER_MUXD="DIVD",
        p_CLKI_DIV=pll.divider,
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.multiplier,
        p_CLKOP_CPHASE=pll.multiplier - 1,
        p_CLKOP_FPHASE=0,
        p_CLKOS_ENABLE="ENABLED",
        p_CLKOS_DIV=pll.output_divider,
        p_CLKOS_CPHASE=pll.output_divider - 1,
        p_CLKOS_FPHASE=0,
        p_FEEDBK_PATH="CLKOP",
        p_CLKFB_DIV=1,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_CLKI=source,
        i_CLKFB=feedback,
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        i_ENCLKOS=Const(0),
        o_CLKOP=feedback,
        o_CLKOS=clock,
        o_LOCK=locked,
    )


def _ice40(
    board: Board, pll: PllSettings, source: Signal, clock: Signal, locked: Signal
) -> Instance:
    """Take the clock from the pad itself, or from the fabric, as the board's pin demands."""
    pad = board.pll.endswith("_PAD")
    return Instance(
        board.pll,
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(pll.divider - 1, 4),
        p_DIVF=Const(pll.multiplier - 1, 7),
        p_DIVQ=Const(pll.output_divider.bit_length() - 1, 3),
        p_FILTER_RANGE=Const(_filter_range(float(pll.phase_mhz)), 3),
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=clock,
        o_LOCK=locked,
        **{"i_PACKAGEPIN" if pad else "i_REFERENCECLK": source},
    )


def _filter_range(phase_mhz: float) -> int:
    """Return the setting of the loop's filter for a phase comparison at so many megahertz."""
    return 1 + sum(phase_mhz >= limit for limit in (17, 26, 44, 66, 101))


def _gowin(
    board: Board, pll: PllSettings, source: Signal, clock: Signal, locked: Signal
) -> Instance:
    return Instance(
        "rPLL",
        p_DEVICE="GW1NR-9C",
        p_FCLKIN=mhz_text(pll.input_mhz),
        p_IDIV_SEL=pll.divider - 1,
        p_FBDIV_SEL=pll.multiplier - 1,
        p_ODIV_SEL=pll.output_divider,
        p_DYN_IDIV_SEL="false",
        p_DYN_FBDIV_SEL="false",
        p_DYN_ODIV_SEL="false",
        p_DYN_DA_EN="false",
        p_PSDA_SEL="0000",
        p_DUTYDA_SEL="1000",
        p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false",
        p_CLKOUTP_BYPASS="false",
        p_CLKOUTD_BYPASS="false",
        i_CLKIN=source,
        i_CLKFB=Const(0),
        i_RESET=Const(0),
        i_RESET_P=Const(0),
        i_FBDSEL=Const(0, 6),
        i_IDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_PSDA=Const(0, 4),
        i_DUTYDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=clock,
        o_LOCK=locked,
    )


def _xilinx(
    board: Board, pll: PllSettings, source: Signal, clock: Signal, locked: Signal
) -> Instance:
    feedback = Signal(name="pll_feedback")
    return Instance(
        "PLLE2_BASE",
        p_CLKIN1_PERIOD=float(1000 / pll.input_mhz),
        p_DIVCLK_DIVIDE=pll.divider,
        p_CLKFBOUT_MULT=pll.multiplier,
        p_CLKOUT0_DIVIDE=pll.output_divider,
        i_CLKIN1=source,
        i_CLKFBIN=feedback,
        i_RST=Const(0),
        i_PWRDWN=Const(0),
        o_CLKFBOUT=feedback,
        o_CLKOUT0=clock,
        o_LOCKED=locked,
    )
