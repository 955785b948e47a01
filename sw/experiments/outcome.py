"""The outcome of one run of an experiment: its value, what it took, and its curve."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenzo.sw.benchmarks.machine import commit, processor
from tenzo.sw.errors import UserError
from tenzo.sw.training.checkpoint import write_atomically

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
"""Published results, in a checkout of the source; installed packages have none."""

OUTCOME = "outcome.json"
"""File in a run's folder; where it is, the run has finished."""


@dataclass(frozen=True)
class Outcome:
    """What one run gave.

    Parameters
    ----------
    value : :class:`float`
        The experiment's metric at the last step.
    parameters, forward_passes, steps : :class:`int`
        Size of the network, samples passed through it in training, training steps.
    number_format : :class:`str`
    digest : :class:`str`
        Hash of what decides the run's bits.
    curve : list of (forward passes, metric on validation data)
    details : mapping
        Numbers beside the value, by name.
    seconds : :class:`float`
        Time of training or measuring.
    commit, machine : :class:`str`
        Where it was made.
    """

    value: float
    parameters: int
    forward_passes: int
    steps: int
    number_format: str
    digest: str = ""
    curve: list[tuple[int, float]] = field(default_factory=list)
    details: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    commit: str = field(default_factory=commit)
    machine: str = field(default_factory=lambda: describe())


def describe() -> str:
    """Return processor, system and Python of this machine in one line."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{processor()}, {system}, Python {platform.python_version()}"


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the outcome into a run's folder; the run has finished then."""
    write_text(folder / OUTCOME, json.dumps(asdict(outcome), indent=2, allow_nan=False) + "\n")


def published(runs: str, seed: int) -> Path:
    """Return where the weights of EXPERIMENT/VARIANT and a seed are published, if they are."""
    return RESULTS / f"{runs}-seed-{seed}" / "checkpoint.npz"


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step."""
    write_atomically(path, lambda file: file.write(text.encode()))


def read_outcome(folder: Path, digest: str) -> Outcome | None:
    """Return the outcome in a run's folder, None if the run has not finished.

    Raises
    ------
    UserError
        If it is of another configuration, or damaged.
    """
    path = folder / OUTCOME
    if not path.is_file():
        return None
    try:
        found = Outcome(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: remove its folder, the run is made again") from error
    if found.digest != digest:
        raise UserError(
            f"{folder} holds a run of another configuration: name another folder with --out, or "
            "remove this one"
        )
    return found


def curve_of(records: list[dict[str, Any]], metric: str) -> list[tuple[int, float]]:
    """Return (forward passes, metric on validation data) of a run's metrics."""
    key = f"validation_{metric.removeprefix('test_')}"
    return [(record["forward_passes"], record[key]) for record in records if key in record]


def value_of(summary: Mapping[str, Any], metric: str) -> float:
    """Return a metric of a run's summary; :class:`UserError` if the run has no such metric."""
    if metric not in summary:
        raise UserError(f"metric {metric!r} must be one that the run has: {', '.join(summary)}")
    return float(summary[metric])
