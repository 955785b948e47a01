"""``tenzo evaluate``."""

from __future__ import annotations

import click

from tenzo.sw.commands._options import (
    data_option,
    device_option,
    json_option,
    kernel_option,
    print_json,
    verbosity_options,
)


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Part of the data.",
)
@device_option
@kernel_option
@data_option
@json_option
@verbosity_options
def command(
    folder: str,
    split: str,
    device: tuple[str, ...],
    kernel: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Score the trained network in the run's folder DIR again."""
    from tenzo.sw.training.trained import evaluate_run

    result = evaluate_run(folder, data, device, split, kernel)
    if as_json:
        scores = {"loss": result.loss, **result.scores}
        print_json({f"{split}_{name}": score for name, score in scores.items()})
    else:
        click.echo(result.sentence(split))
