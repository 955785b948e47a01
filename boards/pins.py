"""Pins of a board that a build uses, as :mod:`amaranth_boards` knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from tenzo.boards.board import Board


@dataclass(frozen=True)
class Pin:
    """One pin of the chip.

    Parameters
    ----------
    port : :class:`str`
        Port of :class:`tenzo.boards.top.BoardTop`.
    direction : :class:`str`
        ``input`` or ``output``.
    site : :class:`str`
        Pin of the package.
    settings : mapping of :class:`str`
        Input and output standard and the like, by the names of the vendor.
    """

    port: str
    direction: str
    site: str
    settings: dict[str, str] = field(default_factory=dict)


def board_pins(board: Board) -> tuple[Pin, ...]:
    """Return the pins of clock, receiver and transmitter."""
    module, _, name = board.platform.partition(":")
    platform = getattr(import_module(module), name)()
    clock = platform.lookup(platform.default_clk)
    uart = platform.lookup("uart", 0)
    parts = {part.name: part for part in uart.ios if hasattr(part, "ios")}
    return (
        Pin("clk", "input", clock.ios[0].names[0], _settings(clock.attrs)),
        *(
            Pin(port, direction, parts[port].ios[0].names[0],
                _settings(uart.attrs) | _settings(parts[port].attrs))
            for port, direction in (("rx", "input"), ("tx", "output"))
        ),
    )  # fmt: skip


def _settings(attributes: Any) -> dict[str, str]:
    """Return what is set; ``GLOBAL`` is a hint to Amaranth's own flow."""
    return {name: str(value) for name, value in attributes.items() if name != "GLOBAL"}
