"""The measured variance of random gradients."""

from __future__ import annotations

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.experiments.variance import measure
from tenzo.sw.training.interruption import Interruption

ONE_LAYER = (
    "network.layers=[{inputs=64,outputs=10,dense=true}]",
    "formats={activation={width=24,frac_bits=18},weight={width=18,frac_bits=16}}",
    "engine={lane_count=8}",
    "training.epsilon=0.0009765625",
    "training.queries=4",
)


def test_value_is_what_theory_says_for_a_convex_loss() -> None:
    outcome = measure(load_config("digits", ONE_LAYER), Interruption(), draws=400)
    assert outcome.parameters == 640
    assert outcome.details["theory"] == 639 / 4
    assert outcome.value == pytest.approx(639 / 4, rel=0.15)  # its deviation is 7 %
    assert outcome.forward_passes == 400 * 8 * 32


def test_more_directions_make_less_of_it() -> None:
    few, many = (
        measure(
            load_config("digits", [*ONE_LAYER, f"training.queries={count}"]), Interruption(), 50
        )
        for count in (1, 16)
    )
    assert 8 < few.value / many.value < 32


def test_measuring_stops_when_asked() -> None:
    stop = Interruption()
    stop.number = 2
    with pytest.raises(KeyboardInterrupt):
        measure(load_config("digits", ONE_LAYER), stop, draws=5)
