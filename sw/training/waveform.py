"""The waveform of one training step, from a device that can write it."""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

from tenzo.sw.device import Device
from tenzo.sw.errors import UserError

_LOG = logging.getLogger(__name__)


class Traced(Protocol):
    """Device that can write waveforms."""

    def waveform(self, path: str | os.PathLike[str]) -> AbstractContextManager[None]:
        """Write a waveform of all that the device does in a block."""
        ...


def check_trace(step: int | None, done: int, steps: int) -> None:
    """Refuse a step that a run which has made ``done`` of its ``steps`` does not make any more."""
    if step is not None and not done < step <= steps:
        made = f", of which {done} are made" if done else ""
        raise UserError(
            f"--trace must name a step of this run, which has steps 1 to {steps}{made}, not {step}"
        )


def trace_step(device: Device, folder: Path, step: int) -> AbstractContextManager[None]:
    """Write a waveform to ``step-N.vcd`` in a folder while a block runs; say where it goes."""
    if not hasattr(device, "waveform"):
        raise UserError(f"device {device.name!r} writes no waveforms: take 'verilator'")
    path = folder / f"step-{step}.vcd"
    _LOG.info("writing the waveform of step %d to %s", step, path)
    return cast(Traced, device).waveform(path)
