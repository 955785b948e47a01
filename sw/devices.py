"""Devices by the names that ``--device`` takes."""

from __future__ import annotations

from collections.abc import Callable

from tenzo.sw.device import Device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError


def open_golden(engine: EngineParameters, kernel: str | None = None) -> Device:
    """Open the golden model, on the fastest kernel that is built unless one is named."""
    from tenzo.sw.golden.device import GoldenDevice
    from tenzo.sw.kernels.choice import default_kernel

    return GoldenDevice(engine, default_kernel() if kernel is None else kernel)


def open_verilator(engine: EngineParameters, traced: bool = False) -> Device:
    """Open the generated Verilog, compiled; ``traced`` if it shall write waveforms."""
    from tenzo.sim.native.device import open_native

    return open_native(engine, traced)


def open_float(engine: EngineParameters) -> Device:
    """Open the device that computes in float32 on the host."""
    from tenzo.sw.floating.device import FloatDevice

    return FloatDevice(engine)


def open_serial(engine: EngineParameters, address: str) -> Device:
    """Open the engine at a serial port, ``PORT`` or ``PORT@BAUD``."""
    from tenzo.sw.link.serial_device import open_serial

    return open_serial(engine, address)


DEVICES: dict[str, Callable[[EngineParameters], Device]] = {
    "float": open_float,
    "golden": open_golden,
    "verilator": open_verilator,
}
"""How to open each device that has no address."""

ADDRESSED: dict[str, Callable[[EngineParameters, str], Device]] = {"serial": open_serial}
"""How to open each device whose name is a kind, a colon and an address."""


def open_device(
    name: str, engine: EngineParameters, kernel: str | None = None, traced: bool = False
) -> Device:
    """Open a device.

    Parameters
    ----------
    name : :class:`str`
        ``golden``, the model of the engine on the host; ``verilator``, the generated Verilog;
        ``float``, float32 on the host; or ``serial:PORT`` or ``serial:PORT@BAUD``, an engine at a
        serial port.
    engine : :class:`EngineParameters`
    kernel : :class:`str`, optional
        What computes the golden model: ``numpy``, ``native``, or an instruction set by name; the
        native one where it is built, unless given.
    traced : :class:`bool`
        Whether it shall write waveforms.

    Raises
    ------
    UserError
        If there is no such device or kernel, or the device has no kernels or waveforms.
    LostDeviceError
        If nothing answers at the address.
    """
    kind, colon, address = name.partition(":")
    if name not in DEVICES and not (colon and kind in ADDRESSED):
        known = ", ".join(sorted(DEVICES))
        raise UserError(f"device must be one of {known}, serial:PORT, not {name!r}")
    if traced and name != "verilator":
        raise UserError(f"a waveform needs device 'verilator', not {name!r}: name it")
    if kernel is None and kind in ADDRESSED:
        return ADDRESSED[kind](engine, address)
    if kernel is None:
        return open_verilator(engine, True) if traced else DEVICES[name](engine)
    if name != "golden":
        raise UserError(f"kernel {kernel!r} goes with device 'golden', not {name!r}: leave it out")
    return open_golden(engine, kernel)


def kernel_name(device: Device) -> str:
    """Return what computes on the host for a device, for example ``native avx2``, or ``none``."""
    kernel = getattr(device, "kernel", None)
    return "none" if kernel is None else str(kernel.name)


def number_format(device: Device) -> str:
    """Return in which numbers a device computes, for example ``float32``."""
    engine = device.engine
    fixed = f"fixed: activations {engine.activation}, weights {engine.weight}"
    return str(getattr(device, "number_format", fixed))
