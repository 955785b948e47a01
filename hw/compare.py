"""Comparison with constants."""

from amaranth.hdl import Const, Value


def exceeds(value: Value, limit: int) -> Value:
    """Return whether an unsigned value exceeds a constant; constant zero where it cannot.

    Written as a tree of LUTs: a comparison becomes a carry chain as long as the value, three times
    the cells.
    """
    above: Value = Const(0)
    if limit >= (1 << len(value)) - 1:
        return above
    if limit < 0:
        return Const(1)
    for index, bit in enumerate(value):
        above = above & bit if limit >> index & 1 else above | bit
    return above
