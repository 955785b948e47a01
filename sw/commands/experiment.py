"""``tenzo experiment``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tenzo.sw.commands._options import data_option, json_option, print_json, verbosity_options
from tenzo.sw.training.interruption import Interruption


@click.command()
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List the experiments.")
@click.option("--quick", is_flag=True, help="A few steps of everything, in seconds.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the experiment; runs/experiment-NAME unless given.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run on the dask cluster at this address, instead of on all cores of this machine.",
)
@click.option(
    "--write",
    "pages",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also publish the result, weights and configurations in DIR, for example docs/results.",
)
@data_option
@json_option
@verbosity_options
def command(
    name: str | None,
    listed: bool,
    quick: bool,
    out: Path | None,
    scheduler: str | None,
    pages: Path | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Rerun the experiment NAME: a published result, or one of ours.

    All variants and seeds run side by side. Finished runs are not repeated: the same command goes
    on after an interruption. The folder gets NAME.json, NAME.md and NAME.svg.
    """
    if listed:
        _list(as_json)
        return
    if name is None:
        raise click.UsageError("name an experiment, or list them with --list")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # workers fill the cores
    with Interruption(final=True) as interruption:
        from tenzo.sw.experiments.definition import load_experiment
        from tenzo.sw.experiments.publishing import check_publishable, publish
        from tenzo.sw.experiments.running import run_experiment

        experiment = load_experiment(name)
        if pages is not None:
            check_publishable(quick)
        document, folder = run_experiment(experiment, out, quick, scheduler, data, interruption)
    if pages is not None:
        publish(folder, document, pages)
    if as_json:
        print_json(document)
    else:
        _print(document, folder)


def _list(as_json: bool) -> None:
    """Print the experiments."""
    from tenzo.sw.experiments.definition import experiment_names, load_experiment

    experiments = [load_experiment(name) for name in experiment_names()]
    if as_json:
        print_json([{"name": each.name, "title": each.title} for each in experiments])
        return
    width = max(len(each.name) for each in experiments)
    for each in experiments:
        click.echo(f"{each.name:{width}}  {each.title}")


def _print(document: dict[str, Any], folder: Path) -> None:
    """Print the verdict and a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tenzo.sw.experiments.figure import words
    from tenzo.sw.experiments.page import number, verdict

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("variant", words(document["metric"]), "spread", "forward passes", "seconds"):
        table.add_column(heading, justify="left" if heading == "variant" else "right")
    for variant in document["variants"]:
        least, greatest = (number(document, each(variant["values"])) for each in (min, max))
        passes, seconds = f"{variant['forward_passes']:.3g}", f"{variant['seconds']:.1f}"
        spread = f"{least} ... {greatest}"
        table.add_row(variant["label"], number(document, variant["value"]), spread, passes, seconds)
    Console(width=max(Console().width, 100)).print(table)
    for label, why in document["skipped"].items():
        click.echo(f"left out: {label}, since {why}")
    click.echo(verdict(document))
    click.echo(f"{folder / document['experiment']}.md")
