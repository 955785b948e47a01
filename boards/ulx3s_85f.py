"""ULX3S with an LFE5U-85F."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, ECP5, Board

BOARD = Board(
    name="ulx3s-85f",
    title="Radiona ULX3S 85F",
    platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
    family=ECP5,
    device="LFE5U-85F",
    package="CABGA381",
    input_mhz=Fraction(25),
    default_mhz=Fraction(80),
    pll="EHXPLLL",
    luts=83_640,
    block_rams=208,
    multipliers=156,
    bauds=BAUDS,
    default_baud=3_000_000,
    link="USB port US1, FT231X on the board",
    lanes=64,
    loader_board="ulx3s",
)
