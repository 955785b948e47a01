"""``docs/performance.md``: records as tables and pictures, with the machine and the commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path

from tenzo.sw.benchmarks.figure import draw_bars
from tenzo.sw.benchmarks.records import Record
from tenzo.sw.benchmarks.tables import by_case, ratio, values

_NOT_PICTURED = ("cycles a run", "% of run")

_HEAD = """# Performance

Every number stands beside its peers, measured in the same run, contenders taking turns: the median,
and the least and greatest value, of {repetitions} repetitions. This page is generated; do not edit
it. Its command is `{command}`, its commit {commit}.

| machine | |
|---|---|
"""


def write_page(
    path: Path, records: Sequence[Record], facts: Mapping[str, str], commit: str, command: str
) -> list[Path]:
    """Write the page and, beside it, a picture for each benchmark.

    Parameters
    ----------
    path : :class:`~pathlib.Path`
        The page; pictures are ``STEM-BENCHMARK.svg``.
    records : sequence of :class:`Record`
    facts : mapping
        The machine, by name.
    commit, command : :class:`str`

    Returns
    -------
    The files that were written.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    repetitions = max(record.repetitions for record in records)
    parts = [_HEAD.format(repetitions=repetitions, commit=commit, command=command)]
    parts += [f"| {name} | {text} |\n" for name, text in facts.items()]
    written = [path]
    for benchmark, group in groupby(records, lambda record: record.benchmark):
        chosen = list(group)
        picture = path.with_name(f"{path.stem}-{benchmark}.svg")
        picture.write_text(draw_bars(_panels(chosen)), "utf-8")
        written.append(picture)
        parts.append(_section(benchmark, chosen, picture.name))
    path.write_text("".join(parts), "utf-8")
    return written


def _section(benchmark: str, records: Sequence[Record], picture: str) -> str:
    """Return the part of the page about one benchmark."""
    explanation = import_module(f"tenzo.sw.benchmarks.{benchmark}").EXPLANATION
    tables = "".join(_table(case, group) for _, case, group in by_case(records))
    title = f"## `tenzo bench {benchmark}`"
    return f"\n{title}\n\n{explanation}\n\n![{benchmark}]({picture})\n{tables}"


def _table(case: str, records: Sequence[Record]) -> str:
    """Return the table of one case."""
    ratios = [ratio(records, record) for record in records]
    first = records[0].contender
    heading = f"| {case} | median | low | high | unit |"
    rule = "|---|--:|--:|--:|---|"
    if any(ratios):
        heading, rule = f"{heading} `{first}` : this |", f"{rule}--:|"
    lines = [heading, rule]
    for record, text in zip(records, ratios, strict=True):
        line = f"| {record.contender} | {' | '.join(values(record))} | {record.unit} |"
        lines.append(f"{line} {text} |" if any(ratios) else line)
    return "\n" + "\n".join(lines) + "\n"


def _panels(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Return what is pictured: one panel for each case and unit."""
    panels: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.unit not in _NOT_PICTURED:
            panels.setdefault((record.case, record.unit), []).append(record)
    return [(case, chosen) for (case, _), chosen in panels.items()]
