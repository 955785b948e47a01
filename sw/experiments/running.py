"""Running an experiment: its folder, its jobs, and how far they are."""

from __future__ import annotations

import importlib.util
import json
import logging
import signal
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tenzo.sw.configuration.config import Config
from tenzo.sw.data.mnist import check_folder
from tenzo.sw.data.samples import with_data_folder
from tenzo.sw.errors import MissingDataError, UserError
from tenzo.sw.experiments.cluster import run_jobs
from tenzo.sw.experiments.definition import Experiment, Variant
from tenzo.sw.experiments.jobs import MARKER, STOP, Job
from tenzo.sw.experiments.outcome import OUTCOME, published, write_text
from tenzo.sw.experiments.results import result_document, write_results
from tenzo.sw.training.interruption import Interrupted, Interruption
from tenzo.sw.training.runs import RUNS_FOLDER

_LOG = logging.getLogger(__name__)
_LINE_SECONDS = 10.0
_ENOUGH = 0.02
"""Share of the work from which the time that is left is told."""


def run_experiment(
    experiment: Experiment,
    out: Path | None = None,
    quick: bool = False,
    scheduler: str | None = None,
    data: str | None = None,
    interruption: Interruption | None = None,
) -> tuple[dict[str, Any], Path]:
    """Make all runs of an experiment that are not made yet, and write its result.

    Parameters
    ----------
    experiment : :class:`Experiment`
    out : path, optional
        Folder of the experiment; ``runs/experiment-NAME`` unless given. Runs that have finished
        there are not repeated, half-done ones go on.
    quick : :class:`bool`
        The form of a few steps, which shows that all works.
    scheduler : :class:`str`, optional
        Address of a cluster; all cores of this machine unless given.
    data : :class:`str`, optional
        Folder of MNIST, as for ``--data``.
    interruption : :class:`Interruption`, optional
        Handler of signals that is already at work.

    Returns
    -------
    The result, as NAME.json in the folder holds it, and the folder.

    Raises
    ------
    UserError
        If the folder is another experiment's, data is missing, no cluster is at the address, or a
        run is refused.
    Interrupted
        After SIGINT or SIGTERM; the runs' checkpoints are written.
    """
    suffix = "-quick" if quick else ""
    folder = (out or RUNS_FOLDER / f"experiment-{experiment.name}{suffix}").absolute()
    _check_folder(folder, experiment.name, quick)
    variants, skipped = _available(experiment)
    jobs = make_jobs(experiment, variants, folder, quick, data)
    if data is not None and not any(_takes_folder(job) for job in jobs):
        form = "the quick form of " if quick else ""
        raise UserError(
            f"data folder {data} is of no use to {form}the experiment {experiment.name!r}: leave "
            f"out --data{' or --quick' if quick else ''}"
        )
    pending = [job for job in jobs if job.outcome() is None]
    _mark(folder, experiment.name, quick)
    if len(pending) < len(jobs):
        _LOG.info("%d of %d runs were made before", len(jobs) - len(pending), len(jobs))
    if pending:
        guard = Interruption() if interruption is None else nullcontext(interruption)
        with guard as handler:
            _run(pending, folder, scheduler, handler)
    document = result_document(experiment, variants, jobs, skipped, quick)
    write_results(folder, document)
    return document, folder


def make_jobs(
    experiment: Experiment,
    variants: Sequence[Variant],
    folder: Path,
    quick: bool,
    data: str | None = None,
) -> list[Job]:
    """Return the jobs of some variants: the first seed of all of them first.

    Raises
    ------
    UserError
        If a configuration is refused, or the folder of its data is missing.
    """
    seeds = {variant.label: experiment.form_seeds(variant, quick) for variant in variants}
    changed = experiment.quick.options if quick else {}
    return [
        Job(
            str(folder),
            str(folder / f"{variant.folder}-seed-{seed}"),
            variant.label,
            seed,
            variant.method,
            variant.device,
            experiment.metric,
            _with_data(experiment.config(variant, seed, quick), data).document(),
            {**variant.options, **changed},
        )
        for seed in sorted({seed for some in seeds.values() for seed in some})
        for variant in variants
        if seed in seeds[variant.label]
    ]


def _with_data(config: Config, data: str | None) -> Config:
    """Return a configuration with the folder of MNIST filled in, if it needs it and it is there."""
    if config.data is None or not config.data.mnist:
        return config
    config = with_data_folder(config, data)
    place = config.data.mnist if config.data else None
    if not isinstance(place, str):
        raise MissingDataError(
            "the experiment needs the folder of MNIST: name it by --data or TENZO_DATA, or take "
            "--quick, which needs none"
        )
    check_folder(Path(place))
    return config


def _takes_folder(job: Job) -> bool:
    """Return whether a job's data is in a folder."""
    return bool((job.document.get("data") or {}).get("mnist"))


def _available(experiment: Experiment) -> tuple[list[Variant], dict[str, str]]:
    """Return the variants that can run here, and why others cannot."""
    skipped = {}
    has_torch = importlib.util.find_spec("torch") is not None
    for variant in experiment.variants:
        trained = variant.options.get("trained")
        if variant.method == "first-order" and not has_torch:
            skipped[variant.label] = "PyTorch is not installed"
        if trained is not None and not published(trained, 1).is_file():
            skipped[variant.label] = f"no weights of {trained} are published here"
    return [variant for variant in experiment.variants if variant.label not in skipped], skipped


def _check_folder(folder: Path, name: str, quick: bool) -> None:
    """Refuse a folder that is in use by something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    marker = folder / MARKER
    if not marker.is_file():
        raise UserError(f"output folder {folder} is not an empty folder: name another with --out")
    try:
        found = json.loads(marker.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{marker} is damaged: name another folder with --out") from error
    if found != _contents(name, quick):
        form = "quick form of the " if found.get("quick") else ""
        raise UserError(
            f"output folder {folder} holds the {form}experiment {found.get('experiment')!r}: name "
            "another with --out"
        )


def _mark(folder: Path, name: str, quick: bool) -> None:
    """Say in the folder whose it is, and take back an order to stop."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / MARKER, json.dumps(_contents(name, quick)) + "\n")
    (folder / STOP).unlink(missing_ok=True)


def _contents(name: str, quick: bool) -> dict[str, Any]:
    return {"experiment": name, "quick": quick}


def _run(
    jobs: Sequence[Job], folder: Path, scheduler: str | None, interruption: Interruption
) -> None:
    """Run jobs; say how far they are, and stop them when a signal comes."""
    progress = _Progress(jobs)

    def tick(finished: int) -> None:
        interruption.check()
        progress.tell(finished)

    try:
        run_jobs(jobs, scheduler, tick, (folder / STOP).touch)
    except KeyboardInterrupt:
        number = interruption.number or signal.SIGINT
        made = sum(job.outcome() is not None for job in jobs)
        raise Interrupted(
            number,
            f"stopped by {signal.Signals(number).name}: {made} of {len(jobs)} runs have finished "
            f"in {folder}, the same command goes on",
        ) from None


class _Progress:
    """Says every few seconds how many runs have finished, and what share of the work is done."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = [(Path(job.folder), job.document["training"]["steps"]) for job in jobs]
        self._start = self._said = time.monotonic()
        self._first = self._share()

    def tell(self, finished: int) -> None:
        """Write a line, if it is time."""
        now = time.monotonic()
        if now - self._said < _LINE_SECONDS:
            return
        self._said, share = now, self._share()
        text = f"{finished} of {len(self._jobs)} runs finished, {100 * share:.0f} % of the work"
        if share > self._first + _ENOUGH:
            left = (now - self._start) * (1 - share) / (share - self._first)
            text += f", about {_duration(left)} left"
        _LOG.info("%s", text)

    def _share(self) -> float:
        """Return the share of all steps that is made."""
        return sum(_made(*job) for job in self._jobs) / len(self._jobs)


def _made(folder: Path, steps: int) -> float:
    """Return the share of a run's steps that is in its metrics."""
    if (folder / OUTCOME).is_file():
        return 1.0
    try:
        with open(folder / "metrics.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4096))
            last = file.read().splitlines()[-1]
        return float(min(1.0, json.loads(last)["step"] / steps))
    except (OSError, ValueError, IndexError):
        return 0.0


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
