"""What a worker of a cluster holds for a program that trains with its device."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from tenzo.sw.device import Device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError, UserError

VARIABLE = "TENZO_DEVICE"
"""Variable that names a worker's device, as for ``--device``; the golden model unless set."""


class _Held(NamedTuple):
    """A device and the token of who opened it."""

    token: str
    device: Device


_HELD: dict[str, _Held] = {}
"""Devices by the addresses of workers, of which one process may have several."""


def call_held(token: str, method: str, *arguments: Any) -> Any:
    """Call a method of the device of the worker that runs this; iterators become lists.

    Parameters
    ----------
    token : :class:`str`
        Who calls. Whoever opens the device has it from then on.
    method : :class:`str`
        A method of :class:`Device`, ``evaluate_coordinates``, or ``open``.

    Raises
    ------
    UserError
        If the device does not open.
    LostDeviceError
        If another program has opened it meanwhile.
    """
    from distributed import get_worker

    worker = get_worker().address
    if method == "open":
        return _open(worker, token, *arguments)
    held = _HELD.get(worker)
    if held is None or held.token != token:
        raise LostDeviceError(f"another program has taken the device of worker {worker}")
    if method == "close":
        return _HELD.pop(worker).device.close()
    if method == "evaluate_coordinates":
        from tenzo.sw.training.coordinates import coordinate_outputs

        return list(coordinate_outputs(held.device, *arguments))
    result = getattr(held.device, method)(*arguments)
    return list(result) if method == "evaluate" else result


def _open(worker: str, token: str, engine: EngineParameters) -> None:
    """Open the device that the worker's environment names; close one that is left over."""
    from tenzo.sw.devices import open_device

    if worker in _HELD:
        _HELD.pop(worker).device.close()
    name = os.environ.get(VARIABLE, "golden")
    if name == "float":
        raise UserError(f"{VARIABLE} of worker {worker} must not be 'float': its numbers differ")
    if name.startswith("dask:"):
        raise UserError(f"{VARIABLE} of worker {worker} must be a device of its own, not {name!r}")
    _HELD[worker] = _Held(token, open_device(name, engine))
