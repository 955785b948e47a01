"""Averaged weights: what is evaluated and kept, while training goes on with its own."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.training.averaging import WeightAverage
from tenzo.sw.training.checkpoint import load_checkpoint
from tenzo.sw.training.trained import evaluate_run, load_trained
from tenzo.sw.training.trainer import Trainer
from tenzo.sw.training.training import train
from tests.sw.runs_support import short_config
from tests.sw.training.test_training import final_state, metrics, train_in_parts

AVERAGE = "training.average=0.25"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("averaged") / "run"
    return train(short_config(AVERAGE), out=folder), folder


def test_the_mean_is_of_the_last_share_of_the_steps():
    average = WeightAverage(2, 10, 0.3)
    for step in range(1, 11):
        weights = np.array([step, -step * step], np.float64)
        average.add(step, weights)
        if step <= 7:
            assert average.of(weights) is weights
    assert np.allclose(average.of(weights), [9, -(64 + 81 + 100) / 3], rtol=1e-12)


def test_no_share_averages_nothing():
    average = WeightAverage(1, 10, 0.0)
    average.add(10, np.ones(1))
    assert list(average.state(np.ones(1))) == ["weights"]


def test_a_run_keeps_the_mean_of_its_last_weights(whole):
    config = short_config()
    trainer = Trainer(config, open_device("golden", config.engine()), load_samples(config))
    trainer.start()
    weights = []
    for _ in range(40):
        trainer.run_step()
        weights.append(trainer.weights.copy())
    arrays = load_checkpoint(whole[1] / "checkpoint.npz")
    assert np.array_equal(arrays["training_weights"], weights[-1])
    assert np.allclose(arrays["weights"], np.mean(weights[30:], axis=0), rtol=1e-12)
    assert np.array_equal(load_trained(whole[1]).weights, arrays["weights"])


def test_the_result_is_that_of_the_mean(whole):
    result = evaluate_run(whole[1])
    assert (result.accuracy, result.loss) == (whole[0].test_accuracy, whole[0].test_loss)


@pytest.mark.parametrize("stop", [29, 30, 31, 39])
def test_averaging_is_resumed_exactly(whole, tmp_path, stop):
    train_in_parts(short_config(AVERAGE), tmp_path / "run", (stop,))
    assert metrics(tmp_path / "run") == metrics(whole[1])
    assert final_state(tmp_path / "run") == final_state(whole[1])
