"""``--device serial:PORT``: an engine on a board, or behind a pseudo-terminal."""

from __future__ import annotations

import serial

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError
from tenzo.sw.link.identity import Identity, read_identity
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.link.requests import PacketRequest
from tenzo.sw.link.serial_ports import Address, open_port, parse_address
from tenzo.sw.link.serial_transport import Limits, NoAnswerError, SerialTransport
from tenzo.sw.link.session import Session
from tenzo.sw.packets import Opcode

PREFIX = "serial:"
"""What the names of these devices begin with."""

PROBING = Limits(margin_seconds=0.15, silences=2, tries=20)
"""How long an engine is waited for at each rate."""


def open_serial(
    engine: EngineParameters, address: str, limits: Limits | None = None
) -> PacketDevice:
    """Open the engine at a serial port.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        What it must be.
    address : :class:`str`
        ``PORT`` or ``PORT@BAUD``; a port that is a pseudo-terminal ignores the rate.
    limits : :class:`Limits`, optional
        When a packet is sent again.

    Raises
    ------
    UserError
        If the port does not open, or another engine answers.
    LostDeviceError
        If no engine answers.
    """
    place = parse_address(address)
    transport = connect(place, limits)
    try:
        return PacketDevice(engine, transport, PREFIX + place.port)
    except BaseException:
        transport.close()
        raise


def identify(address: Address) -> tuple[Identity, int]:
    """Return what the engine at a port says about itself, and its baud rate; errors as above."""
    transport = connect(address)
    try:
        return read_identity(_ask(transport)), transport.baud
    finally:
        transport.close()


def connect(address: Address, limits: Limits | None = None) -> SerialTransport:
    """Open a port at the first rate at which something answers as an engine does.

    Raises
    ------
    UserError
        If the port does not open.
    LostDeviceError
        If nothing answers.
    """
    port = open_port(address)
    heard = False
    try:
        for baud in address.bauds:
            if not _set_rate(port, baud):
                continue
            transport = SerialTransport(port, PROBING)
            try:
                _ask(transport)
            except NoAnswerError:
                heard |= transport.heard
                continue
            transport.limits = limits or Limits()
            return transport
        raise LostDeviceError(_silence(address, heard))
    except BaseException:
        port.close()
        raise


def _set_rate(port: serial.Serial, baud: int) -> bool:
    """Set the rate of an open port; return whether its driver makes it."""
    try:
        port.baudrate = baud
    except ValueError:
        return False
    except OSError as error:
        raise LostDeviceError(f"port {port.port} is gone: connect it again") from error
    return True


def _ask(transport: SerialTransport) -> tuple[int, ...]:
    """Return the payload of an engine's response to ``IDENTIFY``."""
    return Session(transport).command(PacketRequest(Opcode.IDENTIFY))


def _silence(address: Address, heard: bool) -> str:
    """Return that no engine answers, and what to do."""
    place = f"{address.port} at {address.bauds[0]} baud"
    if address.baud is None:
        place += " or slower"
    if heard:
        return f"what answers on {place} is no Tenzo engine: 'tenzo devices' asks all ports"
    return (
        f"nothing answers on {place}: check power and cable, the speed, written "
        f"{PREFIX}{address.port}@BAUD, and that the board was flashed ('tenzo flash')"
    )
