"""What a benchmark measures, and how contenders take turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One contender's result in one case.

    Parameters
    ----------
    benchmark, case, contender : :class:`str`
        What was measured, on what, by whom.
    value : :class:`float`
        Median over the repetitions.
    unit : :class:`str`
    repetitions : :class:`int`
    low, high : :class:`float`
        Least and greatest value.
    """

    benchmark: str
    case: str
    contender: str
    value: float
    unit: str
    repetitions: int
    low: float
    high: float


def compare(
    benchmark: str,
    case: str,
    unit: str,
    contenders: Mapping[str, Callable[[], float]],
    repetitions: int,
) -> list[Record]:
    """Let contenders measure in turns, so that a slow moment of the machine hits all of them.

    Parameters
    ----------
    benchmark, case, unit : :class:`str`
    contenders : mapping
        Name to a function that makes one measurement.
    repetitions : :class:`int`
        Measurements of each contender.

    Returns
    -------
    One record per contender, in their order.
    """
    values: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, measure in contenders.items():
            values[name].append(measure())
    return [_record(benchmark, case, name, unit, values[name]) for name in contenders]


def _record(
    benchmark: str, case: str, contender: str, unit: str, values: Sequence[float]
) -> Record:
    median = statistics.median(values)
    return Record(benchmark, case, contender, median, unit, len(values), min(values), max(values))
