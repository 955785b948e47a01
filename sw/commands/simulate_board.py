"""``tenzo simulate-board``."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from tenzo.sw.commands._options import (
    config_argument,
    json_option,
    print_json,
    set_option,
    verbosity_options,
)
from tenzo.sw.training.interruption import Interrupted

if TYPE_CHECKING:
    from tenzo.sim.board.process import BoardProcess

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@config_argument
@click.option(
    "--faults",
    default=0.0,
    show_default=True,
    metavar="RATE",
    help="Probability that a byte is flipped, dropped, repeated or gets another one in front of "
    "it, in each direction; for example 1e-4.",
)
@click.option("--seed", default=1, show_default=True, help="Which bytes, and how.")
@click.option(
    "--link",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Symbolic link to make to the port, so that its name is known beforehand.",
)
@click.option(
    "--baud-divisor",
    "divisor",
    default=4,
    show_default=True,
    help="Clock cycles per bit of the line; fewer simulate faster.",
)
@set_option
@json_option
@verbosity_options
def command(
    config: str,
    faults: float,
    seed: int,
    link: Path | None,
    divisor: int,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Simulate a board's serial port until Ctrl-C; its name is the first line printed.

    The generated Verilog runs, serial line included, behind a pseudo-terminal that any serial
    program can open: `tenzo train CONFIG --device serial:PORT`. CONFIG is a preset's name, a TOML
    file, or the folder of a run.
    """
    from tenzo.sim.board.board import open_simulated_board
    from tenzo.sw.configuration.config import load_config

    engine = load_config(config, overrides).engine()
    for name in _SIGNALS:
        signal.signal(name, _stop)
    with open_simulated_board(engine, faults, seed, link, divisor) as board:
        try:
            _announce(board, as_json)
            board.wait()
        except Interrupted:
            for name in _SIGNALS:
                signal.signal(name, signal.SIG_IGN)
        traffic = board.close()
    if traffic is not None:
        click.echo(str(traffic), err=True)


def _announce(board: BoardProcess, as_json: bool) -> None:
    """Print where the board is."""
    if as_json:
        print_json({"port": board.port, "terminal": board.terminal, "pid": board.pid})
    else:
        click.echo(board.port)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(number, f"stopped by {signal.Signals(number).name}: there is no board yet")
