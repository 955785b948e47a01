"""The published results: every value comes from the weights beside it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.experiments.page import page
from tenzo.sw.experiments.publishing import TRAINED, index, recompute, results

PAGES = Path(__file__).parents[3] / "docs" / "results"
DOCUMENTS = results(PAGES)
TRAINED_VARIANTS = [
    pytest.param(document, variant, id=f"{document['experiment']}: {variant['label']}")
    for document in DOCUMENTS
    for variant in document["variants"]
    if variant["method"] in TRAINED
]


@pytest.mark.parametrize(("document", "variant"), TRAINED_VARIANTS)
def test_value_is_that_of_the_weights(document: dict[str, Any], variant: dict[str, Any]) -> None:
    folder = PAGES / document["experiment"]
    runs = [folder / f"{variant['folder']}-seed-{seed}" for seed in variant["seeds"]]
    data = load_config(runs[0]).data
    if data is not None and data.mnist and "TENZO_DATA" not in os.environ:
        pytest.skip("TENZO_DATA names no folder of MNIST files")
    metric = document["metric"].removeprefix("test_")
    found = [recompute(run, variant).scores[metric] for run in runs]
    exact = variant["method"] == "train" and variant["device"] == "golden"
    tolerance = 0.0 if exact else 1e-3  # of floats: other processors round otherwise
    assert found == pytest.approx(variant["values"], rel=tolerance, abs=0.0)
    assert variant["value"] == math.fsum(variant["values"]) / len(variant["values"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["experiment"])
def test_page_is_what_the_numbers_say(document: dict[str, Any]) -> None:
    assert (PAGES / f"{document['experiment']}.md").read_text("utf-8") == page(document)
    assert not document["quick"]
    assert len(document["seeds"]) >= 3


def test_index_is_what_the_numbers_say() -> None:
    assert (PAGES / "README.md").read_text("utf-8") == index(PAGES)
