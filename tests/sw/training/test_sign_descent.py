"""Coordinate sign descent: which signs, which moves, and how many evaluations."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.formats import Format
from tenzo.sw.training.estimators import chosen_coordinates
from tenzo.sw.training.sign_descent import GreedySignDescent, SignDescent

SIZE = 6
WEIGHT = Format(12, 8)
LOW, HIGH = WEIGHT.min_raw * WEIGHT.step, WEIGHT.max_raw * WEIGHT.step
CENTRE = np.array([40, -30, 20, 0, 700, -700])


class Bowl:
    """Objective sum |w - centre| in raw units, and what was asked of it."""

    def __init__(self, raw, function=lambda raw: np.abs(raw - CENTRE).sum()):
        self.raw, self.evaluations, self.function = np.array(raw), 0, function

    def value(self, raw):
        self.evaluations += 1
        return float(self.function(raw))

    def losses(self, queries):
        changed = [self.raw.copy() for _ in queries]
        for raw, query in zip(changed, queries, strict=True):
            raw[query.first : query.last] += query.sign * query.epsilon_raw
        return np.array([self.value(raw) for raw in changed])

    def coordinate_losses(self, coordinates):
        identity = np.eye(SIZE, dtype=np.int64)
        return np.array([self.value(self.raw + step * identity[a]) for a, step in coordinates])

    def coordinate_passes(self, addresses):
        return 0.25 * len(addresses)

    def move_to(self, raw):
        self.raw = raw.copy()


def greedy(count=SIZE):
    return GreedySignDescent(SIZE, count, WEIGHT, LOW, HIGH, seed=3)


def descend(objective, rate_raw, count=SIZE, step=0):
    weights = objective.raw * WEIGHT.step
    made = greedy(count).descend(objective, step, weights, rate_raw * WEIGHT.step)
    assert np.array_equal(weights, objective.raw * WEIGHT.step)
    return made


def test_batch_form_collects_the_sign_of_every_change():
    objective = Bowl([0, 0, 18, 0, 700, -710])
    estimate = SignDescent(SIZE, SIZE, 4, seed=3).estimate(objective, 0)
    assert estimate.gradient.tolist() == [-1, 1, 0, 1, 1, -1]
    assert estimate.loss == objective.value(objective.raw)
    assert estimate.passes == 1 + 0.25 * SIZE


def test_batch_form_leaves_out_coordinates_that_are_not_chosen():
    estimate = SignDescent(SIZE, 2, 4, seed=3).estimate(Bowl([0] * 6), 9)
    chosen = chosen_coordinates(SIZE, 2, 3, 9)
    assert np.array_equal(np.flatnonzero(estimate.gradient), chosen)


def test_greedy_form_keeps_a_step_up_that_lowers_the_loss_and_else_steps_down():
    objective = Bowl([0] * 6)
    made = descend(objective, 8)
    assert objective.raw.tolist() == [8, -8, 8, -8, 8, -8]
    assert made.loss == np.abs(CENTRE).sum()
    assert made.passes == objective.evaluations == 1 + 3 + 2 * 3


def test_greedy_form_goes_on_from_the_loss_of_the_move_it_made():
    objective = Bowl([0] * 6, lambda raw: (raw[0] - 1) ** 2 + 2 * raw[0] * raw[1])
    descend(objective, 1)
    assert objective.raw.tolist()[:2] == [1, -1]


def test_greedy_form_evaluates_only_the_chosen_coordinates():
    objective = Bowl([0] * 6)
    made = descend(objective, 8, count=2, step=5)
    chosen = chosen_coordinates(SIZE, 2, 3, 5)
    assert np.array_equal(np.flatnonzero(objective.raw), chosen)
    assert made.passes == objective.evaluations <= 5


@pytest.mark.parametrize(("rate_raw", "stride"), [(0.01, 1), (2.4, 2)])
def test_greedy_steps_are_whole_raw_units_and_at_least_one(rate_raw, stride):
    objective = Bowl([0] * 6)
    descend(objective, rate_raw)
    assert np.abs(objective.raw).tolist() == [stride] * 6


def test_greedy_form_stays_in_the_range_of_a_weight():
    high, low = WEIGHT.max_raw, WEIGHT.min_raw
    objective = Bowl([high, low, high - 3, low + 3, 0, 0], lambda raw: -np.abs(raw).sum())
    descend(objective, 8)
    assert objective.raw.tolist()[:4] == [high - 8, low, high, low]
    objective = Bowl([high, low, 0, 0, 0, 0], lambda raw: raw[1] - raw[0])
    descend(objective, 8)
    assert objective.raw.tolist()[:2] == [high - 8, low]
