"""What a page about several runs shows, gathered from their directories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenzo.sw.configuration.config import Config
from tenzo.sw.errors import UserError
from tenzo.sw.report.data import RunRecord, read_run
from tenzo.sw.report.evaluations import counted_passes
from tenzo.sw.report.tables import Table
from tenzo.sw.report.words import duration, percent, short

ABSENT = "\u2013"
"""Stands where a run has no such value."""


@dataclass(frozen=True)
class Compared:
    """A run, what the page calls it, and the number of its colour."""

    run: RunRecord
    label: str
    colour: int

    @property
    def last(self) -> dict[str, Any]:
        """The last record of the metrics; empty before the first."""
        return self.run.metrics[-1] if self.run.metrics else {}

    @property
    def state(self) -> str:
        """Whether the run has finished, or how far it has come."""
        steps = self.run.config.training.steps
        if self.run.summary is not None:
            return "finished"
        done = max(self.run.step, counted_passes(self.run)[1])
        return f"unfinished: step {done:,} of {steps:,}"


@dataclass(frozen=True)
class Group:
    """Runs that learn the same, so that their results can be compared.

    Parameters
    ----------
    heading : :class:`str`
        What they learn.
    members : list of :class:`Compared`
    """

    heading: str
    members: list[Compared]

    @property
    def score(self) -> str:
        """Key of the score in records, less ``validation_``: what all of them are measured by."""
        labels = self.members[0].run.config.training.loss == "cross-entropy"
        found = {key for member in self.members for record in member.run.metrics for key in record}
        return "accuracy" if labels or "validation_accuracy" in found else "relative_l2"


def read_groups(paths: Sequence[str | Path]) -> list[Group]:
    """Read runs and put those together that learn the same, in the order of their first ones.

    Raises
    ------
    UserError
        If a folder is named twice, holds no run, or a file in it is damaged.
    """
    places = Counter(Path(path).resolve() for path in paths)
    twice = [str(path) for path in paths if places[Path(path).resolve()] > 1]
    if twice:
        raise UserError(f"folder {twice[0]} is named twice: name every run once")
    labels = _labels([Path(path) for path in paths])
    groups: dict[str, Group] = {}
    for path, label in zip(paths, labels, strict=True):
        run = read_run(Path(path), measured=False)
        heading = task(run.config)
        members = groups.setdefault(heading, Group(heading, [])).members
        members.append(Compared(run, label, len(members)))
    return list(groups.values())


def _labels(paths: Sequence[Path]) -> list[str]:
    """Return the names of folders, with those above them where names alone are the same."""
    names = Counter(path.resolve().name for path in paths)
    return [path.resolve().name if names[path.resolve().name] == 1 else str(path) for path in paths]


def task(config: Config) -> str:
    """Return what a network learns: a problem, or data."""
    if config.problem is not None:
        table = config.problem
        return f"problem {table.name or table.entry_point or table.file}"
    data = config.data
    if data is None:
        return "data that is not named"
    if data.mnist:
        return "data MNIST"
    return f"data {data.preset or data.npz or data.entry_point}"


def group_note(group: Group) -> str:
    """Return what the scores of a group are, and what they are to be compared with."""
    name = {"accuracy": "accuracy", "relative_l2": "relative L2 error"}[group.score]
    note = f"Test and validation are the {name}, as each run noted it."
    for member in group.members:
        summary = member.run.summary or {}
        zero, constant = summary.get("zero_network"), summary.get("best_constant")
        if zero is not None and constant is not None:
            return f"{note} A network of zeros has {zero:.3g}, the best constant {constant:.3g}."
    return note


def result_table(group: Group) -> Table:
    """Return what each run of a group reached, and what that took."""
    heads = ("run", "state", "test", "validation", "forward passes", "steps", "time", "device")
    return Table(heads, tuple(_results(member, group.score) for member in group.members))


def network_table(group: Group) -> Table:
    """Return the network of each run of a group, its formats, and what did not fit in them."""
    heads = ("run", "parameters", "MACs a pass", "activations", "weights")
    return Table(
        (*heads, "saturated values", "clipped weights"),
        tuple(_network(member) for member in group.members),
    )


def _results(member: Compared, score: str) -> tuple[str, ...]:
    run, summary = member.run, member.run.summary or {}
    passes, step = counted_passes(run)
    _, scores = run.points(f"validation_{score}")
    seconds = summary.get("train_seconds", member.last.get("elapsed_seconds"))
    return (
        member.label,
        member.state,
        _score_words(score, summary.get(_SUMMARY_KEYS[score])),
        _score_words(score, scores[-1] if scores else None),
        short(passes) if passes else ABSENT,
        f"{step:,}",
        duration(float(seconds)) if seconds is not None else ABSENT,
        str(summary.get("device", ABSENT)),
    )


def _network(member: Compared) -> tuple[str, ...]:
    run, last = member.run, member.last
    engine = run.plan.engine
    clipped = last.get("weight_saturations", 0) + last.get("clips", 0)
    formats = str(engine.activation), str(engine.weight)
    used = str((run.summary or {}).get("number_format", "fixed"))
    return (
        member.label,
        f"{run.plan.parameter_count:,}",
        f"{run.plan.macs:,}",
        *(formats if used.startswith("fixed") else (used, used)),
        f"{last['saturations']:,}" if "saturations" in last else ABSENT,
        f"{clipped:,}" if last else ABSENT,
    )


_SUMMARY_KEYS = {"accuracy": "test_accuracy", "relative_l2": "relative_l2"}


def _score_words(score: str, value: float | None) -> str:
    """Return a score as it is read."""
    if value is None:
        return ABSENT
    return percent(value) if score == "accuracy" else f"{value:.3g}"


def differences(members: Sequence[Compared]) -> list[tuple[str, list[str]]]:
    """Return the keys in which configurations differ, and the value of each run."""
    tables = [dict(_flat(member.run.config.document())) for member in members]
    keys = dict.fromkeys(key for table in tables for key in table if key != "name")
    rows = [(key, [_value(table.get(key)) for table in tables]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values; elements of lists of tables are counted from 0."""
    inner: Any = None
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = enumerate(value)
    if inner is None:
        yield path, value
        return
    for key, item in inner:
        yield from _flat(item, f"{path}.{key}" if path else str(key))


def _value(value: Any) -> str:
    """Return a value as the file has it."""
    if value is None:
        return ABSENT
    return str(value).lower() if isinstance(value, bool) else str(value)
