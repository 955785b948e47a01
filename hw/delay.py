"""Delay lines."""

from typing import Any

from amaranth.hdl import Module, Signal


def delayed(m: Module, value: Any, cycles: int, *, reset_less: bool = False) -> Any:
    """Return ``value`` as it was ``cycles`` clock cycles ago.

    Parameters
    ----------
    m : :class:`Module`
        Module that gets the registers, in its ``sync`` domain.
    value : signal or view
        What to delay.
    cycles : :class:`int`
        Registers in the line, at least 0.
    reset_less : :class:`bool`
        Leave the line alone on reset: for data, whose valid flag has a line of its own.
    """
    name = f"{value.name}_delayed" if isinstance(value, Signal) else "delayed"
    for _ in range(cycles):
        register = Signal.like(value, name=name, reset_less=reset_less)
        m.d.sync += register.eq(value)
        value = register
    return value
