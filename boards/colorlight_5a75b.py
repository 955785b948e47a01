"""Colorlight 5A-75B, revision 7.0: a receiver card of LED walls."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, ECP5, Board

BOARD = Board(
    name="colorlight-5a75b",
    title="Colorlight 5A-75B r7.0",
    platform="amaranth_boards.colorlight_5a75b_r7_0:Colorlight_5A75B_R70Platform",
    family=ECP5,
    device="LFE5U-25F",
    package="CABGA256",
    input_mhz=Fraction(25),
    default_mhz=Fraction(60),
    pll="EHXPLLL",
    luts=24_288,
    block_rams=56,
    multipliers=28,
    bauds=BAUDS,
    default_baud=1_000_000,
    link="connector J19: KEY+ receives, DATA_LED- transmits, 3.3 V",
    lanes=8,
    adapter=True,
    loader_board="colorlight",
    loader_cable="ft232RL",
)
