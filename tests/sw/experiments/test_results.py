"""Numbers of results."""

from __future__ import annotations

import json
import math

import pytest

from tenzo.sw.experiments.results import dump, mean, standard_error
from tests.sw.experiments.documents import document, variant


def test_dump_loads_to_the_same_and_has_a_curve_on_a_line() -> None:
    curve = [[float(x), 1e-7 * x] for x in range(500)]
    overrides = ["network.layers=[{input_modes=[4,  7]}]", "a=[ 1,  2 ]"]
    result = document(variant("ours", [0.5], curves=[curve, curve], overrides=overrides))
    text = dump(result)
    assert json.loads(text) == result
    assert len(text.splitlines()) < 70


def test_standard_error_is_the_deviation_over_the_root_of_the_count() -> None:
    assert mean([0.1] * 10) == 0.1
    assert standard_error([1.0, 2.0, 3.0]) == pytest.approx(1 / math.sqrt(3))
    assert standard_error([1.0]) is None
