"""``tenzo bench``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tenzo.sw.commands._options import command_line, json_option, print_json, verbosity_options

if TYPE_CHECKING:
    from tenzo.sw.benchmarks.records import Record

_LOG = logging.getLogger(__name__)
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
@click.option(
    "--write",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a page with tables and pictures, for example docs/performance.md.",
)
@json_option
@verbosity_options
def command(names: tuple[str, ...], repetitions: int, page: Path | None, as_json: bool) -> None:
    """Run the benchmarks, side by side with peers.

    NAME is host (evaluations a second), engine (cycles of the hardware), cosim (simulators), train
    (training steps), sweep
    (all parameters, each changed alone) or startup; all of them run without a name.
    """
    for name in _THREADS:  # before NumPy is imported: contenders bring threads of their own
        os.environ[name] = "1"
    from dataclasses import asdict
    from importlib import import_module

    from tenzo.sw.benchmarks.machine import commit, describe_machine

    modules = [import_module(f"tenzo.sw.benchmarks.{name}") for name in _chosen(names)]
    if page is not None and not page.absolute().parent.is_dir():
        from tenzo.sw.errors import UserError

        raise UserError(f"--write {page}: make the folder {page.absolute().parent} first")
    facts = describe_machine()
    for name, text in facts.items():
        _LOG.info("%s: %s", name, text)
    records = [record for module in modules for record in module.run(repetitions)]
    if page is not None:
        from tenzo.sw.benchmarks.page import write_page

        for path in write_page(page, records, facts, commit(), command_line()):
            _LOG.info("wrote %s", path)
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
    """Print one row per record: the median, the spread, and how fast the first is beside it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tenzo.sw.benchmarks.tables import by_case, ratio, values

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("benchmark", "case", "contender"):
        table.add_column(heading, no_wrap=heading == "contender")
    for heading in ("median", "low", "high"):
        table.add_column(heading, justify="right")
    table.add_column("unit", no_wrap=True)
    table.add_column("first : this", justify="right", no_wrap=True)
    for benchmark, case, group in by_case(records):
        for index, record in enumerate(group):
            place = (benchmark, case) if index == 0 else ("", "")
            name = record.contender.partition(" (")[0]  # the whole name is in the page
            last = (*values(record), record.unit, ratio(group, record))
            table.add_row(*place, name, *last)
        table.add_section()
    Console(width=max(Console().width, 120)).print(table)
