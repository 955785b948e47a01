"""Options that commands share."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

config_argument = click.argument("config")
data_option = click.option(
    "--data", metavar="DIR", help="Folder of the data; the variable TENZO_DATA does the same."
)
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key, for example training.seed=2; may be repeated.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
device_option = click.option(
    "--device",
    default=("golden",),
    show_default=True,
    multiple=True,
    help="What computes: golden, the model on the host; verilator, the compiled Verilog; "
    "serial:PORT[@BAUD], a board; dask:ADDRESS, the workers of a cluster; or float, float32 on the "
    "host, for comparison. Given several times, the devices share the work, with the bits of one.",
)
kernel_option = click.option(
    "--kernel",
    metavar="NAME",
    help="What computes the golden model: native (the default where it is built), numpy, or an "
    "instruction set, for example avx2.",
)


def verbosity_options(function: Function) -> Function:
    """Add ``-v`` and ``-q``, which set how much is logged before the command runs."""
    quiet = click.option("-q", "--quiet", count=True, expose_value=False, callback=_quieter)
    verbose = click.option("-v", "--verbose", count=True, expose_value=False, callback=_louder)
    return quiet(verbose(function))


def print_json(document: Any) -> None:
    """Print a document for programs."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def command_line() -> str:
    """Return the command line that runs."""
    import shlex

    return shlex.join(["tenzo", *sys.argv[1:]])


def _quieter(context: click.Context, parameter: click.Parameter, count: int) -> None:
    _set_level(context, -count)


def _louder(context: click.Context, parameter: click.Parameter, count: int) -> None:
    _set_level(context, count)


def _set_level(context: click.Context, change: int) -> None:
    """Log to standard error: warnings with -q, debugging with -v, news otherwise."""
    logger = logging.getLogger("tenzo")
    if not any(isinstance(handler, _Lines) for handler in logger.handlers):
        logger.addHandler(_Lines())
    total = context.meta.get("tenzo.verbosity", 0) + change
    context.meta["tenzo.verbosity"] = total
    levels = {-1: logging.WARNING, 0: logging.INFO, 1: logging.DEBUG}
    logger.setLevel(levels.get(total, logging.ERROR if total < 0 else logging.DEBUG))


class _Lines(logging.Handler):
    """Writes records as plain lines to whatever standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        print(self.format(record), file=sys.stderr, flush=True)
