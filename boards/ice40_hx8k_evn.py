"""Lattice iCE40-HX8K breakout board."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, ICE40, Board

BOARD = Board(
    name="ice40-hx8k-evn",
    title="Lattice iCE40HX8K-B-EVN",
    platform="amaranth_boards.ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform",
    family=ICE40,
    device="hx8k",
    package="ct256",
    input_mhz=Fraction(12),
    default_mhz=Fraction(24),
    pll="SB_PLL40_CORE",
    luts=7_680,
    block_rams=32,
    multipliers=0,
    bauds=BAUDS,
    default_baud=3_000_000,
    link="USB port, second channel of the FT2232H on the board",
    lanes=1,
    loader_board="ice40_generic",
)
