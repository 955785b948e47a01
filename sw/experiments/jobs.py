"""Jobs: one run of one variant with one seed, done in whatever process a cluster has for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from tenzo.sw.configuration.config import Config, parse_config
from tenzo.sw.errors import UserError
from tenzo.sw.experiments.outcome import (
    Outcome,
    curve_of,
    read_outcome,
    value_of,
    write_outcome,
)
from tenzo.sw.training.interruption import Interrupted, Interruption
from tenzo.sw.training.runs import open_run

STOP = "stop"
"""File in an experiment's folder: where it appears, runs write their checkpoints and end."""

MARKER = "experiment.json"
"""File in an experiment's folder that says which experiment it is."""

MEASUREMENTS = {
    "variance": "tenzo.sw.experiments.variance:measure",
    "rounding-noise": "tenzo.sw.experiments.rounding_noise:measure",
}
"""Methods that train nothing: a function of (config, options) that returns an outcome."""

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """One run; a plain value that goes to another process.

    Parameters
    ----------
    experiment_folder : :class:`str`
        Absolute path; every worker must see it.
    folder : :class:`str`
        Absolute path of the run's own folder.
    label : :class:`str`
        The variant.
    seed : :class:`int`
    method, device, metric : :class:`str`
    document : mapping
        The configuration.
    options : mapping
        Of a measurement.
    """

    experiment_folder: str
    folder: str
    label: str
    seed: int
    method: str
    device: str
    metric: str
    document: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Variant and seed in words."""
        return f"{self.label}, seed {self.seed}"

    @property
    def config(self) -> Config:
        """The configuration, checked."""
        return parse_config(self.document)

    def digest(self) -> str:
        """Return a hash of all that decides the outcome."""
        digest = self.config.digest()
        if self.method == "train" and self.device == "golden":
            return digest
        options = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{digest} {self.method} {self.device} {options}".strip()

    def outcome(self) -> Outcome | None:
        """Return what the run gave, None if it has not finished; errors as read_outcome."""
        return read_outcome(Path(self.folder), self.digest())


class StopFile(Interruption):
    """An interruption that comes as a file, since a worker gets no signals.

    Parameters
    ----------
    path : :class:`pathlib.Path`
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._next_look = path, 0.0

    def check(self) -> None:
        """Raise :class:`KeyboardInterrupt` if the file is there."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        if self._path.exists():
            raise KeyboardInterrupt


def run_job(job: Job) -> str | None:
    """Do a job, or what is left of it; its outcome is in its folder then.

    Returns
    -------
    None, or one sentence if a user's slip or the stop file ended it. Errors do not travel as
    exceptions: a cluster would print where they come from.
    """
    os.environ.setdefault("TENZO_THREADS", "1")  # the cluster fills the cores with runs
    folder = Path(job.experiment_folder)
    if not (folder / MARKER).is_file():
        return (
            f"a worker does not see {folder}: name a folder that all machines of the cluster share "
            "with --out"
        )
    try:
        if job.outcome() is None:
            _METHODS.get(job.method, _measure)(job, StopFile(folder / STOP))
    except Interrupted as stop:
        return f"{job.title}: {stop}"
    except KeyboardInterrupt:
        return f"{job.title}: stopped, it begins anew"
    except UserError as error:
        return f"{job.title}: {error}"
    return None


def _train(job: Job, stop: Interruption) -> None:
    """Train by forward passes alone."""
    from tenzo.sw.devices import open_device
    from tenzo.sw.training.training import train

    config, folder = job.config, Path(job.folder)
    device = open_device(job.device, config.engine())
    try:
        resumes = (folder / "config.toml").is_file()
        summary = train(config, device, folder, resumes, interruption=stop).document()
    finally:
        device.close()
    finish(job, summary)


def _train_first_order(job: Job, stop: Interruption) -> None:
    """Train by back-propagation."""
    from tenzo.sw.experiments.first_order import train_first_order

    finish(job, train_first_order(job.config, Path(job.folder), stop, job.digest()))


def _measure(job: Job, stop: Interruption) -> None:
    """Call the function of a measurement."""
    module, _, name = MEASUREMENTS[job.method].partition(":")
    function: Callable[..., Outcome] = getattr(import_module(module), name)
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    outcome = function(job.config, stop, **job.options)
    seconds = time.perf_counter() - start
    write_outcome(folder, replace(outcome, digest=job.digest(), seconds=seconds))


_METHODS: dict[str, Callable[[Job, Interruption], None]] = {
    "train": _train,
    "first-order": _train_first_order,
}


def finish(job: Job, summary: dict[str, Any]) -> None:
    """Write the outcome of a training run from its summary and its metrics."""
    folder = Path(job.folder)
    outcome = Outcome(
        value=value_of(summary, job.metric),
        parameters=summary["parameters"],
        forward_passes=summary["forward_passes"],
        steps=summary["steps"],
        number_format=summary["number_format"],
        digest=job.digest(),
        curve=curve_of(open_run(folder).metrics(), job.metric),
        details={key: summary[key] for key in ("zero_network", "best_constant") if key in summary},
        seconds=summary["train_seconds"],
    )
    write_outcome(folder, outcome)
