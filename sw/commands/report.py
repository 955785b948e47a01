"""``tenzo report``."""

from __future__ import annotations

from pathlib import Path

import click

from tenzo.sw.commands._options import data_option, verbosity_options
from tenzo.sw.errors import UserError


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The HTML file to write; report.html in DIR, or comparison.html here, unless given.",
)
@data_option
@verbosity_options
def command(folders: tuple[str, ...], out: Path | None, data: str | None) -> None:
    """Write one self-contained HTML page about the run in the folder DIR, or about several.

    The page needs no network and no script. Of one run, the test results on it are measured anew;
    where the data is not there any more, the page says so. Of several, it compares configurations,
    curves and results, as the runs noted them.
    """
    if len(folders) == 1:
        from tenzo.sw.report.page import write_report

        click.echo(write_report(folders[0], out, data))
        return
    from tenzo.sw.report.comparison_page import write_comparison

    if data is not None:
        raise UserError(
            f"--data {data} must be left out: a comparison shows what the runs noted themselves"
        )
    click.echo(write_comparison(folders, out))
