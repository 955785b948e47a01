"""Predicted rounding noise where it is known in closed form."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.planning.noise import predicted_noise
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation
from tests.sw.network_cases import tt_layer

ENGINE = EngineParameters(
    activation=Format(16, 12), weight=Format(16, 12), lane_depth=4096, table_units=1
)
BEND = np.array([[1.0, -2.0, 1.0]])
"""Weights of a second difference."""


def dense(*sizes: int, activation: Activation = Activation.NONE) -> Network:
    pairs = list(pairwise(sizes))
    layers = [Layer(*pair, Dense(), False, activation) for pair in pairs[:-1]]
    return Network((*layers, Layer(*pairs[-1], Dense())))


def nodes(axis: int, inputs: int) -> np.ndarray:
    """Three nodes along one input."""
    offsets = np.zeros((3, inputs), np.int64)
    offsets[:, axis] = [-1024, 0, 1024]
    return 2048 + offsets


def test_one_stage_rounds_its_results():
    planned = plan(dense(2, 1), ENGINE, [10])
    found = predicted_noise(planned, np.array([3000, -500]), nodes(0, 2), BEND)
    unit = 2.0 ** -(24 - 10)
    assert found[0] == pytest.approx(unit * math.sqrt(6 / 12 * (1 - 4.0**-10)))


def test_a_stage_that_drops_no_bit_makes_no_noise():
    planned = plan(dense(2, 1), ENGINE, [0])
    assert predicted_noise(planned, np.array([3000, -500]), nodes(0, 2), BEND)[0] == 0.0


def test_errors_pass_through_the_next_stage():
    planned = plan(dense(1, 1, 1), ENGINE, [12, 0])
    found = predicted_noise(planned, np.array([4096, 3 * 4096]), nodes(0, 1), BEND)
    assert found[0] == pytest.approx(3 * 2.0**-12 * math.sqrt(6 / 12), rel=1e-6)


def test_a_relu_at_rest_passes_no_error_on():
    network = dense(1, 1, 1, activation=Activation.RELU)
    planned = plan(network, ENGINE, [12, 0])
    assert predicted_noise(planned, np.array([-4096, 4096]), nodes(0, 1), BEND)[0] == 0.0


def test_values_that_a_step_does_not_move_have_one_error():
    # Stage 0 sums over the last mode: its two values depend on one half of the inputs each.
    network = Network((tt_layer([2, 2], [1, 1], 1),))
    planned = plan(network, ENGINE, [12, 0])
    assert [stage.left for stage in planned.stages] == [2, 1]
    weights = np.array([4096, 4096, 4096, 4096])
    one = 2.0**-12 * math.sqrt(6 / 12)
    assert predicted_noise(planned, weights, nodes(0, 4), BEND)[0] == pytest.approx(one, rel=1e-6)
    uneven = np.array([[1.0, 1.0, 1.0]])
    both = 2.0**-12 * math.sqrt((3 + 9) / 12)
    found = predicted_noise(planned, weights, nodes(0, 4), uneven)[0]
    assert found == pytest.approx(both, rel=1e-6)


def test_a_table_adds_its_own_roundings():
    network = Network((Layer(1, 1, Dense(), False, Activation.SINE), Layer(1, 1, Dense())))
    planned = plan(network, ENGINE, [12, 0])
    point = np.zeros((1, 1), np.int64)
    found = predicted_noise(planned, np.array([4096, 4096]), point, np.ones((1, 1)))
    argument = 4.0**-12 / 12
    assert found[0] ** 2 == pytest.approx(argument + 4.0**-14 * 5 / 36, rel=1e-6)
