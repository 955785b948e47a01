"""Stochastic rounding: on the grid, unbiased, and a function of the step alone."""

from __future__ import annotations

import numpy as np

from tenzo.sw.formats import Format
from tenzo.sw.training.rounding import round_stochastically
from tenzo.sw.training.training import train
from tests.sw.runs_support import short_config
from tests.sw.training.test_training import final_state

WEIGHT = Format(16, 14)
COUNT = 4000


def rounded(value: float, step: int = 0, seed: int = 1) -> np.ndarray:
    weights = np.full(COUNT, value * WEIGHT.step)
    round_stochastically(weights, WEIGHT, seed, step)
    return weights / WEIGHT.step


def test_a_weight_becomes_one_of_its_neighbours_with_the_right_mean():
    for value in (0.25, -3.9, 1000.5):
        found = rounded(value)
        assert set(found.tolist()) == {np.floor(value), np.ceil(value)}
        share = value - np.floor(value)
        deviation = np.sqrt(share * (1 - share) / COUNT)
        assert abs(found.mean() - value) < 5 * deviation


def test_a_weight_on_the_grid_stays():
    assert set(rounded(-7.0).tolist()) == {-7.0}


def test_the_same_step_rounds_alike_and_others_differently():
    assert np.array_equal(rounded(0.5, step=3), rounded(0.5, step=3))
    assert not np.array_equal(rounded(0.5, step=3), rounded(0.5, step=4))
    assert not np.array_equal(rounded(0.5, seed=1), rounded(0.5, seed=2))


def test_weights_of_a_run_live_on_the_grid(tmp_path):
    config = short_config("training.rounding=stochastic", "formats.weight={width=10, frac_bits=8}",
                          "training.epsilon=0.0625", "training.learning_rate=0.0004")  # fmt: skip
    train(config, out=tmp_path / "run")
    weights = np.frombuffer(final_state(tmp_path / "run")["weights"])
    assert np.array_equal(weights, np.round(weights * 256) / 256)
    train(config.model_copy(update={"training": config.training.model_copy(
        update={"steps": 1})}), out=tmp_path / "one")  # fmt: skip
    before = np.frombuffer(final_state(tmp_path / "one")["weights"])
    moved = np.count_nonzero(weights != before)
    assert 100 < moved < 800  # steps of a tenth of a raw unit
