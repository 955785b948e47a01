"""``tenzo cosim``."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tenzo.sw.commands._options import (
    command_line,
    config_argument,
    data_option,
    json_option,
    print_json,
    set_option,
    verbosity_options,
)

if TYPE_CHECKING:
    from tenzo.sw.configuration.config import Config

_LOG = logging.getLogger(__name__)


@click.command()
@config_argument
@click.option("--steps", default=3, show_default=True, help="Training steps to run.")
@click.option(
    "--batch", type=int, help="Samples, or points, of a step; few where a network is large."
)
@click.option("--lanes", type=int, help="Lanes of the engine, instead of the file's.")
@click.option(
    "--inject",
    metavar="FAULT",
    help="Put a fault into the Verilog: weight-bit, lfsr-tap, shift or saturate.",
)
@data_option
@set_option
@json_option
@verbosity_options
@click.pass_context
def command(
    context: click.Context,
    config: str,
    steps: int,
    batch: int | None,
    lanes: int | None,
    inject: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train in lockstep on golden model and simulated Verilog; exit 1 at the first difference.

    CONFIG is a preset's name, a TOML file, or the folder of a run: then both start with its
    trained weights, and it gets cosim.json unless an option changes the configuration.
    """
    from tenzo.sim.cosim import cosim, default_batch, with_batch
    from tenzo.sw.configuration.config import load_config
    from tenzo.sw.data.samples import with_data_folder
    from tenzo.sw.training.minibatches import samples_per_step

    if lanes is not None:
        overrides = (*overrides, f"engine.lane_count={lanes}")
    loaded = with_data_folder(load_config(config, overrides), data)
    loaded = with_batch(loaded, default_batch(loaded) if batch is None else batch)
    checkpoint = _checkpoint(Path(config), loaded)
    news = _News(steps, samples_per_step(loaded), as_json)
    verdict = cosim(loaded, steps, loaded.training.batch, inject, news, checkpoint)
    news.end()
    document = {**verdict.document(), "command": command_line()}
    if Path(config).is_dir():
        _keep(Path(config) / "cosim.json", document, same=not (overrides or inject))
    if as_json:
        print_json(document)
    else:
        click.echo(verdict.sentence())
    context.exit(0 if verdict.passed else 1)


def _checkpoint(run: Path, config: Config) -> Path | None:
    """Return the checkpoint to start with, if there is one; say with which weights it goes on."""
    from tenzo.sw.training.trained import load_trained

    if not (run / "checkpoint.npz").is_file():
        _LOG.info("starting with initial weights")
        return None
    _check_integers(run)
    trained = load_trained(run)
    trained.check_same_network(config)
    _LOG.info("starting with the weights and shifts of %s after %d steps", run, trained.step)
    return trained.folder.checkpoint_path


def _check_integers(run: Path) -> None:
    """Refuse a run whose result no engine computed, and none can prove."""
    from tenzo.sw.errors import UserError

    try:
        number_format = json.loads((run / "summary.json").read_text())["number_format"]
    except (OSError, ValueError, LookupError):
        return
    if number_format == "float32":
        raise UserError(
            f"{run} was trained in float32, which has no bits to compare: train with "
            "--device golden"
        )


def _keep(path: Path, document: dict[str, Any], same: bool) -> None:
    """Write the verdict for the report, if it is about the same configuration as the run."""
    from tenzo.sw.training.checkpoint import write_atomically

    if not same:
        _LOG.info("%s is not written: --set, --lanes and --inject change what was proven", path)
        return
    text = json.dumps(document, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


class _News:
    """Tells how far a lockstep is: a bar on a terminal, lines elsewhere."""

    def __init__(self, steps: int, samples: int, quiet: bool) -> None:
        self._steps, self._samples = steps, samples
        self._bar: Any = None
        self._cycles = 0
        self._terminal = sys.stderr.isatty() and _LOG.isEnabledFor(logging.INFO) and not quiet

    def __call__(self, news: dict[str, Any]) -> None:
        """Take a document of :func:`tenzo.sim.cosim.cosim`."""
        if "building" in news:
            _LOG.info("building the simulator; kept for the next time")
        elif "total_cycles" in news:
            self._cycles = news["total_cycles"]
            text = f"{self._samples} samples a step: about {self._cycles:,} cycles of computing"
            _LOG.info("%s", text)
            self._begin(self._cycles)
        elif "cycles" in news:
            if self._bar is not None:
                self._bar.update(self._task, completed=min(news["cycles"], self._cycles))
        elif self._bar is None:
            _LOG.info("step %d of %d compared", news["steps"], self._steps)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _begin(self, cycles: int) -> None:
        if not self._terminal:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} cycles"),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=cycles)
        self._bar.start()
