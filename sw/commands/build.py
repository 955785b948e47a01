"""``tenzo build``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

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
    from tenzo.boards.design import Design

_FEWER_LANES = 3


@click.command()
@config_argument
@click.option("--board", required=True, metavar="NAME", help="Board; 'tenzo boards' lists them.")
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder to write; build/CONFIG-BOARD unless given.",
)
@click.option("--clock", metavar="MHZ", help="Clock of the engine; the board's default if absent.")
@click.option("--baud", type=int, metavar="N", help="Baud rate of the serial line.")
@click.option(
    "--lanes", type=click.IntRange(1, 256), metavar="N", help="Lanes, not the most that fit."
)
@click.option(
    "--effort",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="Seeds to try for placement until the clock is reached; with 2 or more also fewer lanes.",
)
@click.option("--allow-timing-miss", is_flag=True, help="Write the bitstream all the same.")
@set_option
@json_option
@verbosity_options
def command(
    config: str,
    board: str,
    out: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> int:
    """Make a bitstream of CONFIG for a board.

    Lanes and memories are the largest that fit: those in the file are for simulation and do not
    count here. --lanes and --set engine.KEY=VALUE choose them. For a board that only its vendor's
    tools serve, the result is an archive for them.
    """
    from tenzo.boards.catalogue import find_board
    from tenzo.boards.result import check_folder, write_archive
    from tenzo.sw.configuration.config import load_config

    chosen = find_board(board)
    loaded = load_config(config, overrides)
    folder = out or Path("build") / f"{loaded.name}-{chosen.name}"
    check_folder(folder)
    designs = _designs(loaded, chosen, overrides, options)
    if chosen.open_tools:
        with _ended_by_signals():
            return _bitstream(designs, folder, options, as_json)
    path = write_archive(next(designs), folder)
    if as_json:
        print_json({"archive": str(path)})
    else:
        click.echo(f"{path}  (archive for the vendor's tools)")
    return 0


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does, also where a shell has Ctrl-C ignored."""
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """Break off what goes on, so that the tool is ended and its files are removed."""
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(number, f"stopped by {signal.Signals(number).name}")


def _designs(
    config: Any, board: Any, overrides: tuple[str, ...], options: dict[str, Any]
) -> Iterator[Design]:
    """Yield the design that is asked for, then with effort those with fewer lanes."""
    from tenzo.boards.clocks import parse_mhz
    from tenzo.boards.design import make_design

    keys = (override.partition("=")[0].strip() for override in overrides)
    told = [key.removeprefix("engine.") for key in keys if key.startswith("engine.")]
    lanes = options["lanes"]
    arguments = {
        "told": told,
        "clock_mhz": parse_mhz(options["clock"]) if options["clock"] else None,
        "baud": options["baud"],
    }
    first = make_design(config, board, lanes=lanes, **arguments)
    yield first
    if options["effort"] == 1 or lanes is not None or "lane_count" in told:
        return
    sharing, most = first.engine.requantizer_sharing, first.engine.lane_count
    for eighths in range(7, 7 - _FEWER_LANES, -1):
        fewer = most * eighths // 8
        fewer -= fewer % sharing if fewer > sharing else 0
        if 1 <= fewer < most:
            most = fewer
            yield make_design(config, board, lanes=fewer, **arguments)


def _bitstream(
    designs: Iterator[Design], folder: Path, options: dict[str, Any], as_json: bool
) -> int:
    """Build, write the folder, and say what was reached."""
    from tenzo.boards.build import TimingMissError, build
    from tenzo.boards.progress import build_progress
    from tenzo.boards.result import REPORT_FILE, report_document, write_result

    with closing(build_progress()) as progress:
        try:
            built = build(
                designs,
                seeds=options["effort"],
                allow_timing_miss=options["allow_timing_miss"],
                progress=progress,
            )
        except TimingMissError as miss:
            progress.close()
            click.echo(f"tenzo: {miss}", err=True)
            return 1
    path = write_result(built, folder)
    report = report_document(built)
    if as_json:
        print_json({**report, "folder": str(folder)})
        return 0
    used = ", ".join(f"{count:,} of {there:,} {kind}s" for kind, (count, there) in
                     report["used"].items() if count)  # fmt: skip
    click.echo(f"{path}  (bitstream)")
    click.echo(f"{folder / REPORT_FILE}  (report)")
    click.echo(
        f"{_lanes(report['lanes'])}, {report['achieved_mhz']:.1f} MHz reached for "
        f"{report['clock_mhz']:g} MHz, {report['baud']:,} baud; {used}"
    )
    return 0


def _lanes(count: int) -> str:
    """Return a number of lanes in words."""
    return "1 lane" if count == 1 else f"{count} lanes"
