"""Digilent Arty A7-35T: an archive for the vendor's tools."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, XILINX, Board

BOARD = Board(
    name="arty-a7-35",
    title="Digilent Arty A7-35T",
    platform="amaranth_boards.arty_a7:ArtyA7_35Platform",
    family=XILINX,
    device="xc7a35ticsg324-1L",
    package="",
    input_mhz=Fraction(100),
    default_mhz=Fraction(80),
    pll="PLLE2_BASE",
    luts=20_800,
    block_rams=100,  # halves of 18 kilobits
    multipliers=90,
    bauds=BAUDS,
    default_baud=3_000_000,
    link="USB port J10, FT2232HQ on the board",
    lanes=32,
    loader_board="arty_a7_35t",
)
