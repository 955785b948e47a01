"""ULX3S with an LFE5U-12F."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, ECP5, Board

BOARD = Board(
    name="ulx3s-12f",
    title="Radiona ULX3S 12F",
    platform="amaranth_boards.ulx3s:ULX3S_12F_Platform",
    family=ECP5,
    device="LFE5U-12F",
    package="CABGA381",
    input_mhz=Fraction(25),
    default_mhz=Fraction(60),
    pll="EHXPLLL",
    luts=24_288,  # the die is that of the LFE5U-25F, and the open tools use all of it
    block_rams=56,
    multipliers=28,
    bauds=BAUDS,
    default_baud=3_000_000,
    link="USB port US1, FT231X on the board",
    lanes=8,
    loader_board="ulx3s",
)
