"""iCEBreaker: the smallest board here."""

from fractions import Fraction

from tenzo.boards.board import BAUDS, ICE40, Board

BOARD = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker",
    platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
    family=ICE40,
    device="up5k",
    package="sg48",
    input_mhz=Fraction(12),
    default_mhz=Fraction(24),
    pll="SB_PLL40_PAD",
    luts=5_280,
    block_rams=30,
    multipliers=8,
    bauds=BAUDS,
    default_baud=3_000_000,
    link="USB port, second channel of the FT2232H on the board",
    lanes=1,
    loader_board="ice40_generic",
    single_port_rams=4,
)
