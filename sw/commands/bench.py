"""``tenzo bench``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tenzo.sw.commands._options import json_option, print_json, verbosity_options

if TYPE_CHECKING:
    from tenzo.sw.benchmarks.records import Record

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--repetitions",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Measurements of each contender.",
)
@json_option
@verbosity_options
def command(names: tuple[str, ...], repetitions: int, as_json: bool) -> None:
    """Run the benchmarks, side by side with peers, on one core.

    NAME is a benchmark, for example train; all of them run without a name.
    """
    for name in _THREADS:  # before NumPy is imported
        os.environ[name] = "1"
    from dataclasses import asdict
    from importlib import import_module

    modules = [import_module(f"tenzo.sw.benchmarks.{name}") for name in _chosen(names)]
    records = [record for module in modules for record in module.run(repetitions)]
    if as_json:
        print_json([asdict(record) for record in records])
    else:
        _print_table(records)


def _chosen(names: tuple[str, ...]) -> list[str]:
    """Return the benchmarks to run; a benchmark is a module with a function ``run``."""
    from tenzo.sw.benchmarks import NAMES
    from tenzo.sw.errors import UserError

    for name in names:
        if name not in NAMES:
            raise UserError(f"benchmark must be one of {', '.join(NAMES)}, not {name!r}")
    return list(names or NAMES)


def _print_table(records: list[Record]) -> None:
    """Print one row per record: the median, and the least and greatest value."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("benchmark", "case", "contender"):
        table.add_column(heading)
    for heading in ("median", "low", "high"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for record in records:
        numbers = (f"{value:,.0f}" for value in (record.value, record.low, record.high))
        table.add_row(record.benchmark, record.case, record.contender, *numbers, record.unit)
    Console(width=max(Console().width, 100)).print(table)
