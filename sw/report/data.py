"""What a report shows, gathered from a run directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.data.samples import load_samples, with_data_folder
from tenzo.sw.device import Query
from tenzo.sw.errors import UserError
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.report.slices import SolutionSlice, compute_slice
from tenzo.sw.training.evaluation import Evaluation, evaluate
from tenzo.sw.training.losses import make_loss
from tenzo.sw.training.runs import RunFolder, open_run
from tenzo.sw.training.trained import Trained, load_trained

Record = dict[str, Any]

_TRACED_SAMPLES = 512
"""Test samples whose intermediate values are looked at."""


@dataclass(frozen=True)
class Measurement:
    """The trained network on its test data, by the golden model.

    Parameters
    ----------
    evaluation : :class:`Evaluation`
    saturations : int64 array of shape (stages,)
        Values that saturated, over all test samples.
    peaks : int64 array of shape (stages,)
        Largest magnitude that each stage wrote, in raw units.
    sample_count, traced_count : :class:`int`
        Test samples, and how many of them the peaks are of.
    solution : :class:`SolutionSlice`, or None
        For a problem.
    """

    evaluation: Evaluation
    saturations: npt.NDArray[np.int64]
    peaks: npt.NDArray[np.int64]
    sample_count: int
    traced_count: int
    solution: SolutionSlice | None = None


@dataclass(frozen=True)
class RunRecord:
    """Contents of a run directory.

    Parameters
    ----------
    path : :class:`pathlib.Path`
    config : :class:`Config`
    plan : :class:`Plan`
        With the shifts of the checkpoint, if there is one.
    metrics : list of :class:`dict`
        Records of ``metrics.jsonl``.
    step : :class:`int`
        Training steps in the checkpoint.
    trained_saturations : int64 array of shape (stages,), or None
        Values that saturated in training; None before the first checkpoint.
    summary : mapping, or None
        None for a run that has not finished.
    cosim : mapping, or None
        None if no lockstep was run.
    measurement : :class:`Measurement`, or None
        None if there is no checkpoint or no data.
    data_note : :class:`str`
        Why there is no measurement.
    """

    path: Path
    config: Config
    plan: Plan
    metrics: list[Record]
    step: int
    trained_saturations: npt.NDArray[np.int64] | None
    summary: Record | None
    cosim: Record | None
    measurement: Measurement | None
    data_note: str

    def points(self, key: str, along: str = "step") -> tuple[list[float], list[float]]:
        """Return steps, or what else is counted, and values of the records that hold a key."""
        held = [record for record in self.metrics if key in record and along in record]
        return [record[along] for record in held], [record[key] for record in held]


def read_run(path: Path, data_folder: str | None = None, measured: bool = True) -> RunRecord:
    """Read a run directory, finished or not, and measure its network on the test data if asked.

    Raises
    ------
    UserError
        If it is no run directory or a file in it is damaged; the sentence names the file.
    """
    folder = open_run(path)
    config = load_config(folder.path)
    summary = _read_json(folder.summary_path)
    measurement, note, trained_saturations = None, "There is no checkpoint yet.", None
    step, network_plan = 0, plan(config.network(), config.engine())
    if folder.checkpoint_path.is_file():
        trained = load_trained(folder.path)
        step, network_plan = trained.step, trained.plan
        trained_saturations = folder.load().get("saturations")
        if measured:
            device = "float" if (summary or {}).get("device") == "float" else "golden"
            measurement, note = _measure_if_possible(trained, data_folder, device)
    return RunRecord(
        path=folder.path,
        config=config,
        plan=network_plan,
        metrics=_read_metrics(folder),
        step=step,
        trained_saturations=trained_saturations,
        summary=summary,
        cosim=_read_json(folder.path / "cosim.json"),
        measurement=measurement,
        data_note=note,
    )


def _measure_if_possible(
    trained: Trained, data_folder: str | None, device: str
) -> tuple[Measurement | None, str]:
    """Measure; where the data is not there any more, say so instead."""
    try:
        return measure(trained, data_folder, device), ""
    except UserError as error:
        what = "test data" if trained.config.problem is None else "problem"
        return None, f"The {what} could not be read, so nothing was measured on it: {error}."


def measure(
    trained: Trained, data_folder: str | None = None, device: str = "golden"
) -> Measurement:
    """Evaluate a trained network on its test data, and trace its stages on the golden model.

    Parameters
    ----------
    trained : :class:`Trained`
    data_folder : :class:`str`, optional
        Where the data is now.
    device : :class:`str`
        ``golden``, or ``float`` for a run that computed so.

    Raises
    ------
    UserError
        If the data is missing or no longer fits.
    """
    split = load_samples(with_data_folder(trained.config, data_folder)).test
    golden = GoldenDevice(trained.config.engine(), "numpy")
    trained.load_into(golden)
    used = golden if device == "golden" else trained.open_device(device)
    loss = make_loss(trained.config.training.loss)
    result = evaluate(used, trained.plan.program, split, loss)
    saturations = used.read_counters().saturations[: len(trained.plan.stages)]
    solution = None if trained.config.problem is None else compute_slice(trained, used)
    first = split.samples_raw[:_TRACED_SAMPLES].astype(np.int64)
    peaks = [int(np.abs(trace.values_raw).max()) for trace in golden.trace(first, Query())]
    for opened in {golden, used}:
        opened.close()
    return Measurement(result, saturations, np.array(peaks), len(split), len(first), solution)


def _read_metrics(folder: RunFolder) -> list[Record]:
    """Read records; the last line may be cut off, where a run was killed while it wrote."""
    path = folder.metrics_path
    if not path.is_file():
        return []
    lines = path.read_text("utf-8", errors="replace").splitlines()
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise UserError(f"{path} is damaged in line {number}: restore it ({error})") from error
        if not isinstance(record, dict):
            raise UserError(f"{path} is damaged in line {number}: it must hold one JSON object")
        records.append(record)
    return records


def _read_json(path: Path) -> Record | None:
    """Read a JSON object; None if there is no file."""
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged: restore it or make it again ({error})") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} is damaged: it must hold one JSON object")
    return document
