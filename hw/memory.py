"""Memories: with one read and one write port, or with one port for both."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Shape, ShapeLike, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

SPRAM_WORDS = 1 << 14
SPRAM_WIDTH = 16


@dataclass(frozen=True)
class Target:
    """What gateware may know of the part it is for: the platform of an elaboration.

    Parameters
    ----------
    has_spram : :class:`bool`
        Whether memories of one port go into ``SB_SPRAM256KA`` cells, as the iCE40 UltraPlus has.
    """

    has_spram: bool = False


def simple_memory(shape: ShapeLike, depth: int) -> Memory:
    """Return a memory whose two ports never meet at one address in one cycle.

    The attribute tells Yosys so. Without it every memory costs logic that compares the two
    addresses and forwards the written word.

    Parameters
    ----------
    shape : shape-castable
        Shape of a word.
    depth : :class:`int`
        Words.
    """
    return Memory(shape=shape, depth=depth, init=[], attrs={"no_rw_check": 1})


class SinglePortMemory(wiring.Component):
    """Memory that is never read in a cycle in which it is written.

    For a :class:`Target` with ``has_spram`` each 16 bits of a word are one cell, if the words are
    few enough; no logic but the choice of the address. For any other it is a
    :func:`simple_memory`.

    Throughput is one access per clock cycle; ``read_data`` comes one cycle after its address.

    Parameters
    ----------
    shape : shape-castable
        Shape of a word.
    depth : :class:`int`
        Words.

    Members
    -------
    write_enable, write_address, write_data : ``In``
        Plain write.
    read_address : ``In``
        Word to read. Undefined is what is read while a word is written.
    read_data : ``Out(shape)``
        Its value.
    """

    write_enable: Any
    write_address: Any
    write_data: Any
    read_address: Any
    read_data: Any

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        self.shape = shape
        self.depth = depth
        address = ceil_log2(depth)
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(address),
                "write_data": In(shape),
                "read_address": In(address),
                "read_data": Out(shape),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if has_spram(platform) and self.depth <= SPRAM_WORDS:
            self._add_cells(m)
        else:
            self._add_memory(m)
        return m

    def _add_memory(self, m: Module) -> None:
        m.submodules.words = memory = simple_memory(self.shape, self.depth)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
        ]

    def _add_cells(self, m: Module) -> None:
        address, words = Signal(ceil_log2(SPRAM_WORDS)), []
        m.d.comb += address.eq(Mux(self.write_enable, self.write_address, self.read_address))
        for first in range(0, Shape.cast(self.shape).width, SPRAM_WIDTH):
            written, word = Signal(SPRAM_WIDTH), Signal(SPRAM_WIDTH)
            m.d.comb += written.eq(self.write_data[first : first + SPRAM_WIDTH])
            words.append(word)
            m.submodules[f"cell_{first}"] = Instance(
                "SB_SPRAM256KA",
                i_ADDRESS=address,
                i_DATAIN=written,
                i_MASKWREN=Const(0b1111, 4),
                i_WREN=self.write_enable,
                i_CHIPSELECT=Const(1),
                i_CLOCK=ClockSignal(),
                i_STANDBY=Const(0),
                i_SLEEP=Const(0),
                i_POWEROFF=Const(1),
                o_DATAOUT=word,
            )
        m.d.comb += self.read_data.eq(Cat(words))


def has_spram(platform: object) -> bool:
    """Return whether memories of one port have cells of their own."""
    return isinstance(platform, Target) and platform.has_spram
