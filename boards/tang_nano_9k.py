"""Sipeed Tang Nano 9K."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, GOWIN, Board

BOARD = Board(
    name="tang-nano-9k",
    title="Sipeed Tang Nano 9K",
    platform="amaranth_boards.tang_nano_9k:TangNano9kPlatform",
    family=GOWIN,
    device="GW1NR-LV9QN88PC6/I5",
    package="",
    input_mhz=Fraction(27),
    default_mhz=Fraction(27),
    pll="rPLL",
    luts=8_640,
    block_rams=26,
    multipliers=20,
    bauds=BAUDS,
    default_baud=1_000_000,
    link="USB port, BL702 on the board",
    lanes=2,
    loader_board="tangnano9k",
)
