"""Losses of queries on a minibatch, a few queries at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Query
from tenzo.sw.devices import open_device
from tenzo.sw.errors import UserError
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.training import objective
from tenzo.sw.training.objective import MinibatchObjective
from tenzo.sw.training.trainer import Trainer
from tests.sw.runs_support import short_config


class Noting:
    """Device that notes how many queries it was asked for at a time."""

    name = "noting"

    def __init__(self, device):
        self.device, self.asked = device, []

    def evaluate(self, samples_raw, queries):
        self.asked.append(len(queries))
        return self.device.evaluate(samples_raw, queries)


@pytest.fixture(scope="module")
def trainer():
    config = short_config()
    made = Trainer(config, open_device("golden", config.engine()), load_samples(config))
    made.start()
    made.device.write_parameters(made.weights_raw())
    return made


def objective_of(trainer, device):
    split = trainer.samples.train
    samples_raw = split.samples_raw[:20].astype(np.int64)
    program = trainer.plan.program
    return MinibatchObjective(device, program, trainer.loss, samples_raw, split.targets[:20])


@pytest.mark.parametrize(("most", "asked"), [(1, [1] * 7), (599, [2, 2, 2, 1]), (1400, [7])])
def test_a_few_queries_at_a_time_give_the_same_losses(trainer, monkeypatch, most, asked):
    queries = [Query(sign=1, seed=seed, epsilon_raw=90) for seed in range(1, 8)]
    expected = objective_of(trainer, trainer.device).losses(queries)
    monkeypatch.setattr(objective, "MOST_OUTPUTS", most)
    device = Noting(trainer.device)
    assert objective_of(trainer, device).losses(queries).tolist() == expected.tolist()
    assert device.asked == asked


def test_queries_that_build_on_others_stay_together(trainer, monkeypatch):
    monkeypatch.setattr(objective, "MOST_OUTPUTS", 1)
    device = Noting(trainer.device)
    losses = objective_of(trainer, device).losses([Query(), Query(entry=4), Query(entry=5)])
    assert device.asked == [3]
    assert len(set(losses.tolist())) == 1


def test_losses_of_coordinates_are_those_of_one_hot_queries(trainer):
    coordinates = [Coordinate(address, 90) for address in range(0, 800, 7)]
    queries = [Query.one_hot(*coordinate) for coordinate in coordinates]
    found = objective_of(trainer, trainer.device)
    expected = found.losses(queries)
    assert found.coordinate_losses(coordinates).tolist() == expected.tolist()
    noting = objective_of(trainer, Noting(trainer.device))
    assert noting.coordinate_losses(coordinates).tolist() == expected.tolist()


def test_labels_of_coordinates_are_checked(trainer):
    found = objective_of(trainer, trainer.device)
    found.targets = np.full(20, 10)
    with pytest.raises(UserError, match="labels must be 0 to 9"):
        found.coordinate_losses([Coordinate(0, 1)])
