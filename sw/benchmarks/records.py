"""What a benchmark measures, and how contenders take turns."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LOG = logging.getLogger(__name__)


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
    names = ", ".join(contenders)
    _LOG.info("%s, %s: %d times each of %s", benchmark, case, repetitions, names)
    values: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, measure in contenders.items():
            values[name].append(measure())
    return [summarise(benchmark, case, name, unit, values[name]) for name in contenders]


def rate(action: Callable[[], Any], work: float, seconds: float = 0.25) -> float:
    """Return the work done a second by an action that is repeated for some time.

    Once before the clock runs, so that caches are warm and threads of others at rest.
    """
    action()
    start = time.perf_counter()
    count = 0
    while (elapsed := time.perf_counter() - start) < seconds or not count:
        action()
        count += 1
    return work * count / elapsed


def summarise(
    benchmark: str, case: str, contender: str, unit: str, values: Sequence[float]
) -> Record:
    """Return the record of some values."""
    median = statistics.median(values)
    return Record(benchmark, case, contender, median, unit, len(values), min(values), max(values))
