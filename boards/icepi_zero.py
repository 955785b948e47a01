"""Icepi Zero, revision 1.3."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, ECP5, Board

BOARD = Board(
    name="icepi-zero",
    title="Icepi Zero v1.3",
    platform="amaranth_boards.icepi_zero:IcepiZero1_3Platform",
    family=ECP5,
    device="LFE5U-25F",
    package="CABGA256",
    input_mhz=Fraction(50),
    default_mhz=Fraction(60),
    pll="EHXPLLL",
    luts=24_288,
    block_rams=56,
    multipliers=28,
    bauds=BAUDS,
    default_baud=3_000_000,
    link="USB port of the FT231X on the board",
    lanes=8,
    loader_board="icepi-zero",
)
