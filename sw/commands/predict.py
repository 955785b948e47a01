"""``tenzo predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tenzo.sw.commands._options import device_option, kernel_option, verbosity_options


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "-i",
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="An .npz file with an array x of shape (samples, inputs).",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The .npz file to write: outputs, and labels of a classifier.",
)
@device_option
@kernel_option
@verbosity_options
def command(
    folder: str, source: Path, out: Path, device: tuple[str, ...], kernel: str | None
) -> None:
    """Run the trained network in the run's folder DIR on new samples."""
    import numpy as np

    from tenzo.sw.training.checkpoint import write_atomically
    from tenzo.sw.training.trained import input_features, predict_run

    prediction = predict_run(folder, input_features(source), device, kernel)
    arrays: dict[str, Any] = {"outputs": prediction.outputs}
    if prediction.labels is not None:
        arrays["labels"] = prediction.labels
    write_atomically(out, lambda file: np.savez(file, **arrays))
    click.echo(f"{out}: {len(prediction.outputs)} samples")
