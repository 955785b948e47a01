"""``--device serial:PORT``: an engine on a board, or behind a pseudo-terminal."""

from __future__ import annotations

from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.link.serial_ports import open_port, parse_address
from tenzo.sw.link.serial_transport import Limits, SerialTransport

PREFIX = "serial:"
"""What the names of these devices begin with."""


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
    transport = SerialTransport(open_port(place), limits)
    try:
        return PacketDevice(engine, transport, PREFIX + place.port)
    except BaseException:
        transport.close()
        raise
