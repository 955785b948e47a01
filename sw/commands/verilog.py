"""``tenzo verilog``."""

from __future__ import annotations

from pathlib import Path

import click

from tenzo.sw.commands._options import (
    config_argument,
    json_option,
    print_json,
    set_option,
    verbosity_options,
)
from tenzo.sw.wrappers import WRAPPERS


@click.command()
@config_argument
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder to write into.",
)
@click.option(
    "--wrapper",
    type=click.Choice(WRAPPERS),
    help="Ports of AXI4-Stream, in a module named tenzo_axi_stream, instead of the engine's own.",
)
@set_option
@json_option
@verbosity_options
def command(
    config: str, out: Path, wrapper: str | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Write Verilog, ports, packet map, the network's memory image and a C driver.

    CONFIG is a preset's name, a TOML file, or the folder of a run: then the image holds the
    trained weights, otherwise the initial ones.
    """
    from tenzo.sw.configuration.config import load_config
    from tenzo.sw.verilog_files import write_verilog

    loaded = load_config(config, overrides)
    run = Path(config) if (Path(config) / "checkpoint.npz").is_file() else None
    files = write_verilog(loaded, out, run, wrapper)
    if as_json:
        print_json({"trained": run is not None, **{kind: str(p) for kind, p in files.items()}})
        return
    weights = "trained weights" if run else "initial weights: CONFIG is no run's folder"
    notes = {
        "verilog": "engine",
        "ports": "ports",
        "packets": "packet map",
        "image": weights,
        "header": "packets and this engine, for C",
        "network_header": f"program and {weights.partition(':')[0]}, for C",
        "driver_header": "driver in C",
        "driver": "its functions",
        "example": "a program that uses it",
    }
    for kind, path in files.items():
        click.echo(f"{path}  ({notes[kind]})")
