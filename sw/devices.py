"""Devices by the names that ``--device`` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

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


def open_workers(engine: EngineParameters, address: str) -> Device:
    """Open the devices of a cluster's workers, as one."""
    from tenzo.sw.fleet.workers import WorkersDevice

    return WorkersDevice(engine, address)


DEVICES: dict[str, Callable[[EngineParameters], Device]] = {
    "float": open_float,
    "golden": open_golden,
    "verilator": open_verilator,
}
"""How to open each device that has no address."""

ADDRESSED: dict[str, Callable[[EngineParameters, str], Device]] = {
    "dask": open_workers,
    "serial": open_serial,
}
"""How to open each device whose name is a kind, a colon and an address."""


def open_device(
    name: str | Sequence[str],
    engine: EngineParameters,
    kernel: str | None = None,
    traced: bool = False,
) -> Device:
    """Open a device, or several as one.

    Parameters
    ----------
    name : :class:`str`, or a sequence of them
        ``golden``, the model of the engine on the host; ``verilator``, the generated Verilog;
        ``float``, float32 on the host; ``serial:PORT`` or ``serial:PORT@BAUD``, an engine at a
        serial port; or ``dask:ADDRESS``, those of a cluster's workers. Of several, each computes a
        share.
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
    names = [name] if isinstance(name, str) else list(name)
    for each in names:
        _check_name(each)
    if traced and names != ["verilator"]:
        raise UserError(f"a waveform needs device 'verilator', not {', '.join(names)!r}: name it")
    if kernel is not None and "golden" not in names:
        raise UserError(
            f"kernel {kernel!r} goes with device 'golden', not {', '.join(names)!r}: leave it out"
        )
    if len(names) == 1:
        return _open_one(names[0], engine, kernel, traced)
    return _open_several(names, engine, kernel)


def _check_name(name: str) -> None:
    """Raise :class:`UserError` if there is no device of this name."""
    kind, colon, _ = name.partition(":")
    if name not in DEVICES and not (colon and kind in ADDRESSED):
        known = ", ".join(sorted(DEVICES))
        raise UserError(f"device must be one of {known}, serial:PORT, dask:ADDRESS, not {name!r}")


def _open_one(name: str, engine: EngineParameters, kernel: str | None, traced: bool) -> Device:
    """Open one device, whose name has been checked."""
    kind, _, address = name.partition(":")
    if kind in ADDRESSED:
        return ADDRESSED[kind](engine, address)
    if name == "golden":
        return open_golden(engine, kernel)
    return open_verilator(engine, True) if traced else DEVICES[name](engine)


def _open_several(names: Sequence[str], engine: EngineParameters, kernel: str | None) -> Device:
    """Open devices that share their work; those that are open are closed if one does not open."""
    from tenzo.sw.fleet.device import FleetDevice

    if "float" in names:
        raise UserError("device 'float' returns other numbers than the others: name it alone")
    twice = [name for name in names if ":" in name and names.count(name) > 1]
    if twice:
        raise UserError(f"device {twice[0]!r} is named twice: leave one out")
    with ExitStack() as opened:
        devices = []
        for name in names:
            devices.append(_open_one(name, engine, kernel, False))
            opened.callback(devices[-1].close)
        opened.pop_all()
    return FleetDevice(engine, devices)


def kernel_name(device: Device) -> str:
    """Return what computes on the host for a device, for example ``native avx2``, or ``none``."""
    kernel = getattr(device, "kernel", None)
    return "none" if kernel is None else str(kernel.name)


def number_format(device: Device) -> str:
    """Return in which numbers a device computes, for example ``float32``."""
    engine = device.engine
    fixed = f"fixed: activations {engine.activation}, weights {engine.weight}"
    return str(getattr(device, "number_format", fixed))
