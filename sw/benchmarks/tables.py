"""Records as rows, with what they are beside the first contender of their case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tenzo.sw.benchmarks.records import Record


def by_case(records: Sequence[Record]) -> Iterator[tuple[str, str, list[Record]]]:
    """Yield benchmark, case and the records of each."""
    for (benchmark, case), group in groupby(records, lambda r: (r.benchmark, r.case)):
        yield benchmark, case, list(group)


def ratio(records: Sequence[Record], record: Record) -> str:
    """Return how many times as fast the first contender of a case is as another one.

    Empty for what is no rate, and for the first contender itself.
    """
    first = records[0]
    if not record.unit.endswith("/s") or record is first or first.unit != record.unit:
        return ""
    return number(first.value / record.value)


def values(record: Record) -> list[str]:
    """Return median, least and greatest value; shares with three digits behind the point."""
    show = "{:.3f}".format if record.unit.startswith("%") else number
    return [show(value) for value in (record.value, record.low, record.high)]


def number(value: float) -> str:
    """Return a number with three significant digits, or all those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    digits = 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.3g}"
