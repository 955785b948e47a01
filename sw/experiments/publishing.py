"""Publishing a result: its pages, the final weights and configurations, and the index of all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tenzo.sw.configuration.config import load_config
from tenzo.sw.configuration.tables import DataTable
from tenzo.sw.errors import UserError
from tenzo.sw.experiments.float_network import score_run
from tenzo.sw.experiments.outcome import write_text
from tenzo.sw.experiments.page import verdict
from tenzo.sw.experiments.results import write_results
from tenzo.sw.training.checkpoint import save_checkpoint
from tenzo.sw.training.evaluation import Evaluation
from tenzo.sw.training.runs import open_run
from tenzo.sw.training.trained import evaluate_run, load_trained

TRAINED = ("train", "first-order")
"""Methods that leave weights."""

_KEPT = ("step", "shifts", "data_digest")
"""What a published checkpoint holds beside the weights."""

_INDEX = """# Results

`tenzo experiment NAME` reruns what a page shows: the verdict, curves, a table, and the command that
made it. Beside a page are its numbers as JSON, and a folder with the final weights and the
configuration of every run: `tenzo evaluate docs/results/NAME/RUN` scores them again, those of
back-propagation excepted. Definitions are in `sw/experiments/definitions`; this index and the pages
are generated.

| experiment | verdict |
|---|---|
"""


def check_publishable(quick: bool) -> None:
    """Raise :class:`UserError` for a quick form, which shows nothing but that all works."""
    if quick:
        raise UserError("--write publishes full results: leave --quick out")


def publish(folder: Path, document: Mapping[str, Any], pages: Path) -> None:
    """Copy a result into a folder of results, and bring its index up to date.

    Parameters
    ----------
    folder : :class:`~pathlib.Path`
        Of the experiment.
    document : mapping
        Its result.
    pages : :class:`~pathlib.Path`
        Gets NAME.json, NAME.md, NAME.svg, README.md, and NAME/RUN/ with configuration and weights
        of every run.
    """
    name = document["experiment"]
    pages.mkdir(parents=True, exist_ok=True)
    for variant in document["variants"]:
        if variant["method"] in TRAINED:
            for seed in variant["seeds"]:
                run = f"{variant['folder']}-seed-{seed}"
                _publish_run(folder / run, pages / name / run)
    write_results(pages, document)
    write_index(pages)


def write_index(pages: Path) -> None:
    """Write README.md from the JSON files in a folder of results."""
    write_text(pages / "README.md", index(pages))


def index(pages: Path) -> str:
    """Return the index of a folder of results."""
    rows = []
    for document in results(pages):
        name = document["experiment"]
        rows.append(f"| [{document['title']}]({name}.md) (`{name}`) | {verdict(document)} |\n")
    pages_of_results = {f"{document['experiment']}.md" for document in results(pages)}
    other = {path.name for path in pages.glob("*.md")} - pages_of_results - {"README.md"}
    notes = [f"- [{_title(pages / name)}]({name})\n" for name in sorted(other)]
    return _INDEX + "".join(rows) + ("\nNotes:\n\n" + "".join(notes) if notes else "")


def _title(page: Path) -> str:
    """Return the first line of a page, without its mark."""
    return page.read_text("utf-8").partition("\n")[0].lstrip("# ")


def results(pages: Path) -> list[dict[str, Any]]:
    """Return all results in a folder, by name."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(pages.glob("*.json"))]


def recompute(run: Path, variant: Mapping[str, Any], data: str | None = None) -> Evaluation:
    """Score the published weights of a run of a variant again.

    Parameters
    ----------
    run : :class:`~pathlib.Path`
        Its folder in the results.
    variant : mapping
        Its block in the JSON.
    data : :class:`str`, optional
        Folder of MNIST.
    """
    if variant["method"] == "first-order":
        return score_run(run, data)
    return evaluate_run(run, data, variant["device"])


def _publish_run(source: Path, target: Path) -> None:
    """Copy configuration and weights of a run; weights as float32, which holds them exactly."""
    run = open_run(source)
    config, arrays = load_config(source), run.load()
    if config.data is not None and config.data.mnist:
        config = config.model_copy(update={"data": DataTable(mnist=True)})
    kept: dict[str, Any] = {name: arrays[name] for name in _KEPT if name in arrays}
    weights = arrays["weights"]
    if weights.dtype != np.float32:  # not of back-propagation
        raw, step = load_trained(source).parameters_raw, config.weight_format().step
        weights = (raw * step).astype(np.float32)
    target.mkdir(parents=True, exist_ok=True)
    write_text(target / "config.toml", config.toml())
    save_checkpoint(target / "checkpoint.npz", kept | {"weights": weights}, config.digest())
