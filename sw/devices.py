"""Devices by the names that ``--device`` takes."""

from __future__ import annotations

from collections.abc import Callable

from tenzo.sw.device import Device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.golden.device import GoldenDevice

DEVICES: dict[str, Callable[[EngineParameters], Device]] = {"golden": GoldenDevice}
"""How to open each device."""

KERNELS = {"golden": "numpy"}
"""What computes on the host, for each device that computes there."""


def open_device(name: str, engine: EngineParameters) -> Device:
    """Open a device.

    Parameters
    ----------
    name : :class:`str`
        ``golden``, the NumPy model of the engine.
    engine : :class:`EngineParameters`

    Raises
    ------
    UserError
        If there is no such device.
    """
    if name not in DEVICES:
        raise UserError(f"device must be one of {', '.join(sorted(DEVICES))}, not {name!r}")
    return DEVICES[name](engine)


def kernel_name(device: Device) -> str:
    """Return what computes on the host for a device, or ``none``."""
    return KERNELS.get(device.name, "none")
