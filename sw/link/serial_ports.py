"""Serial ports of this machine: their names, and opening one."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import NamedTuple

import serial
from serial.tools import list_ports

from tenzo.sw.errors import UserError

BAUDS = (3_000_000, 2_000_000, 1_500_000, 1_000_000, 750_000, 500_000, 250_000, 115_200)
"""Rates that are tried, in this order, where none is named: all that boards are built for."""

_READ_SECONDS = 0.02
_WRITE_SECONDS = 2.0
_HELD = (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK)


class Address(NamedTuple):
    """A port and its baud rate, if one is named."""

    port: str
    baud: int | None = None

    @property
    def bauds(self) -> tuple[int, ...]:
        """Rates to try."""
        return BAUDS if self.baud is None else (self.baud,)


def parse_address(text: str) -> Address:
    """Return the address that ``PORT`` or ``PORT@BAUD`` names.

    Raises
    ------
    UserError
        If the port has no name, or the baud rate is no positive number.
    """
    port, at, baud = text.rpartition("@")
    if not (port if at else text):
        raise UserError(f"a serial device is serial:PORT or serial:PORT@BAUD; {known_ports()}")
    if not at:
        return Address(text)
    if not (baud.isascii() and baud.isdecimal() and int(baud)):
        raise UserError(f"the baud rate of port {port} must be a positive number, not {baud!r}")
    return Address(port, int(baud))


def port_names() -> list[str]:
    """Return the names of the serial ports of this machine; pseudo-terminals are not among them."""
    return sorted(str(port.device) for port in list_ports.comports())


def known_ports() -> str:
    """Return which ports there are, in words."""
    names = port_names()
    return f"the ports here are {', '.join(names)}" if names else "there is no serial port here"


def open_port(address: Address) -> serial.Serial:
    """Open a port for this program alone, 8 data bits, no parity, 1 stop bit, at its first rate.

    Raises
    ------
    UserError
        If there is no such port, it is no serial port, another program holds it, this user may not
        use it, or it does not run at this rate.
    """
    try:
        port = serial.Serial(
            address.port,
            address.bauds[0],
            timeout=_READ_SECONDS,
            write_timeout=_WRITE_SECONDS,
            exclusive=True if os.name == "posix" else None,
        )
        port.reset_input_buffer()
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(_describe(address, error)) from error
    with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
        port.set_low_latency_mode(True)  # some bridges hold bytes back for 16 ms otherwise
    return port


def _describe(address: Address, error: OSError | ValueError | OverflowError) -> str:
    """Return why a port does not open and what to do."""
    name, number = address.port, getattr(error, "errno", None)
    if number == errno.ENOENT:
        return f"there is no port {name}: {known_ports()}"
    if number in (errno.EACCES, errno.EPERM):
        return f"you may not use port {name}: {_remedy(name)}"
    if number in _HELD:
        return f"another program holds port {name}: end it first, or name another port"
    if not isinstance(error, OSError) or "baud" in str(error).lower():
        return f"port {name} does not run at {address.bauds[0]} baud: name another, {name}@BAUD"
    if number is None or number in (errno.ENOTTY, errno.EISDIR):
        return f"{name} is no serial port: {known_ports()}"
    return f"port {name} cannot be opened: {(error.strerror or str(error)).lower()}"


def _remedy(name: str) -> str:
    """Return how to get the permission to use a port."""
    try:
        import grp

        group = grp.getgrgid(Path(name).stat().st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "ask who looks after this machine"
    if group == "root":
        return "its group is root, so a rule of udev must give it another one, usually dialout"
    return f"join its group {group} with 'sudo usermod -aG {group} $USER' and log in again"
