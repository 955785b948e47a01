"""``tenzo train``."""

from __future__ import annotations

from pathlib import Path

import click

from tenzo.sw.commands._options import (
    command_line,
    config_argument,
    data_option,
    device_option,
    json_option,
    kernel_option,
    print_json,
    set_option,
    verbosity_options,
)
from tenzo.sw.errors import UserError
from tenzo.sw.training.interruption import Interruption


@click.command()
@config_argument
@click.option("--steps", type=int, help="Training steps, instead of the file's training.steps.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the run's folder.")
@device_option
@kernel_option
@click.option(
    "--trace",
    type=int,
    metavar="STEP",
    help="Write a waveform of this step into the run's folder; needs --device verilator.",
)
@data_option
@set_option
@json_option
@verbosity_options
def command(
    config: str,
    steps: int | None,
    out: Path | None,
    resume: bool,
    device: tuple[str, ...],
    kernel: str | None,
    trace: int | None,
    data: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train the network of CONFIG, without back-propagation.

    CONFIG is a preset's name, a TOML file, or a run's folder to resume. The folder of the run is
    runs/NAME-N unless --out names it. Ctrl-C leaves a checkpoint.
    """
    with Interruption(final=True) as interruption:
        from tenzo.sw.configuration.config import load_config
        from tenzo.sw.data.samples import with_data_folder
        from tenzo.sw.devices import open_device
        from tenzo.sw.planning.planner import plan
        from tenzo.sw.training.progress import choose_reporter
        from tenzo.sw.training.training import train
        from tenzo.sw.training.waveform import check_trace

        if steps is not None:
            overrides = (*overrides, f"training.steps={steps}")
        if resume and out is None and Path(config).is_dir():
            out = Path(config)
        loaded = with_data_folder(load_config(config, overrides), data)
        check_trace(trace, 0, loaded.training.steps)
        if device != ("golden",):
            plan(loaded.network(), loaded.engine())  # a misfit is told before an engine is built
        try:
            opened = open_device(device, loaded.engine(), kernel, trace is not None)
        except UserError:
            interruption.check()  # a compiler that Ctrl-C ended
            raise
        try:
            summary = train(
                loaded,
                opened,
                out,
                resume,
                reporter=choose_reporter(),
                interruption=interruption,
                command=command_line(),
                trace=trace,
            )
        finally:
            opened.close()
    if as_json:
        print_json(summary.document())
        return
    click.echo(
        f"{summary.run}: {summary.parameters} parameters, {summary.steps} steps "
        f"in {summary.train_seconds:.1f} s"
    )
    click.echo(summary.sentence())
