"""Engines at the serial ports of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from serial.tools import list_ports

from tenzo.sw.errors import DeviceError, UserError
from tenzo.sw.link.identity import Identity
from tenzo.sw.link.serial_device import identify
from tenzo.sw.link.serial_ports import Address


@dataclass(frozen=True)
class Found:
    """A port and what answers there.

    Parameters
    ----------
    port : :class:`str`
    description : :class:`str`
        What the port says about itself: for many boards their name; empty if nothing.
    identity : :class:`Identity` or None
        None if no engine answers.
    baud : :class:`int` or None
        Rate at which it does.
    problem : :class:`str`
        Why none does; empty if one does.
    """

    port: str
    description: str
    identity: Identity | None = None
    baud: int | None = None
    problem: str = ""


def search_ports(addresses: Sequence[Address] = ()) -> list[Found]:
    """Ask ports which engine is there, all at the same time.

    Parameters
    ----------
    addresses : sequence of :class:`Address`, optional
        Ports to ask; all of this machine unless given. A pseudo-terminal must be given.
    """
    listed = {str(port.device): _describe(port) for port in list_ports.comports()}
    asked = list(addresses) or [Address(name) for name in sorted(listed)]
    if not asked:
        return []
    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(lambda item: _ask(item, listed.get(item.port, "")), asked))


def _ask(address: Address, description: str) -> Found:
    """Ask one port."""
    try:
        identity, baud = identify(address)
    except (UserError, DeviceError) as error:
        return Found(address.port, description, problem=str(error))
    return Found(address.port, description, identity, baud)


def _describe(port: list_ports.ListPortInfo) -> str:
    """Return what a port says about itself, or nothing."""
    text = port.product or port.description or ""
    return "" if text == "n/a" else str(text)
