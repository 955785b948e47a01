"""Memories with one read and one write port."""

from amaranth.hdl import ShapeLike
from amaranth.lib.memory import Memory


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
