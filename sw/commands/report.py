"""``tenzo report``."""

from __future__ import annotations

from pathlib import Path

import click

from tenzo.sw.commands._options import data_option, verbosity_options


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The HTML file to write; report.html in DIR unless given.",
)
@data_option
@verbosity_options
def command(folder: str, out: Path | None, data: str | None) -> None:
    """Write one self-contained HTML page about the run in the folder DIR.

    The page needs no network and no script. The test results on it are measured anew; where the
    data is not there any more, the page says so.
    """
    from tenzo.sw.report.page import write_report

    click.echo(write_report(folder, out, data))
