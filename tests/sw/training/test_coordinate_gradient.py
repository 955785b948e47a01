"""Coordinate-wise gradients: exact on a quadratic, their subsets, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.training.coordinates import coordinate_outputs, deltas_of
from tenzo.sw.training.estimators import CoordinateGradient, chosen_coordinates
from tenzo.sw.training.losses import CrossEntropy
from tenzo.sw.training.objective import MinibatchObjective
from tests.sim.endpoint_device import endpoint_device
from tests.sw.network_cases import DIGITS, LARGE_ENGINE

SIZE = 12
STEP = 2.0**-10


class Quadratic:
    """Objective w' A w / 2 + b' w with integer A and b: every value is exact."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        half = rng.integers(-4, 5, (SIZE, SIZE))
        self.A, self.b = (half + half.T).astype(float), rng.integers(-9, 9, SIZE).astype(float)
        self.w = rng.integers(-99, 99, SIZE) * STEP
        self.asked: list[int] = []

    def value(self, w):
        return w @ self.A @ w / 2 + self.b @ w

    def losses(self, queries):
        return np.array([self.value(self.w) for _ in queries])

    def coordinate_losses(self, coordinates):
        self.asked += [address for address, _ in coordinates]
        return np.array(
            [self.value(self.w + step * STEP * np.eye(SIZE)[a]) for a, step in coordinates]
        )

    def coordinate_passes(self, addresses):
        return 0.25 * len(addresses)


def estimator(count=SIZE, central=False, step_raw=4):
    return CoordinateGradient(SIZE, count, step_raw, STEP, central, seed=5)


def test_central_differences_are_the_gradient_of_a_quadratic():
    objective = Quadratic()
    estimate = estimator(central=True).estimate(objective, 0)
    assert np.array_equal(estimate.gradient, objective.A @ objective.w + objective.b)
    assert estimate.loss == objective.value(objective.w)
    assert estimate.passes == 1 + 2 * 0.25 * SIZE


def test_forward_differences_err_by_half_the_curvature():
    objective = Quadratic()
    estimate = estimator().estimate(objective, 0)
    exact = objective.A @ objective.w + objective.b
    assert np.array_equal(estimate.gradient - exact, np.diag(objective.A) * 4 * STEP / 2)
    assert estimate.passes == 1 + 0.25 * SIZE


def test_a_subset_is_scaled_and_changes_with_the_step():
    objective = Quadratic()
    whole = estimator(central=True).estimate(objective, 0).gradient
    seen = set()
    total = np.zeros(SIZE)
    for step in range(2000):
        objective.asked.clear()
        estimate = estimator(count=3, central=True).estimate(objective, step)
        chosen = np.flatnonzero(estimate.gradient)
        assert set(chosen) <= set(objective.asked)
        assert len(set(objective.asked)) == 3
        assert np.array_equal(estimate.gradient[chosen], whole[chosen] * (SIZE / 3))
        seen.add(tuple(sorted(set(objective.asked))))
        total += estimate.gradient
    assert len(seen) > 200
    assert np.allclose(total / 2000, whole, atol=5 * np.abs(whole).max() * np.sqrt(3 / 2000))


def test_the_same_step_chooses_the_same_subset():
    first, second = (chosen_coordinates(SIZE, 5, seed=5, step=7) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(chosen_coordinates(SIZE, SIZE, seed=5, step=1), np.arange(SIZE))


@pytest.fixture(scope="module")
def objective():
    program = plan(DIGITS, LARGE_ENGINE).program
    device = GoldenDevice(LARGE_ENGINE, kernel="native")
    device.load_program(program)
    device.write_parameters(LARGE_ENGINE.weight.quantize(initial_vector(DIGITS, 1)))
    rng = np.random.default_rng(1)
    samples, labels = rng.integers(0, 1 << 13, (20, 64)), rng.integers(0, 10, 20)
    return MinibatchObjective(device, program, CrossEntropy(), samples, labels)


def test_passes_are_those_of_the_slices(objective):
    deltas = deltas_of(objective.program)
    addresses = np.array([0, 5, 700])
    macs = sum(int(deltas.macs_by_address[a]) for a in addresses)
    assert objective.coordinate_passes(addresses) == macs / objective.program.macs
    assert round(objective.coordinate_passes(np.arange(826))) == 43


def test_losses_of_coordinates_are_those_of_their_outputs(objective):
    coordinates = [Coordinate(address, 99) for address in range(0, 826, 60)]
    losses = objective.coordinate_losses(coordinates)
    parts = coordinate_outputs(objective.device, objective.samples_raw, coordinates)
    outputs = np.concatenate([part.outputs_raw for part in parts])
    assert len(losses) == len(outputs) == len(coordinates)
    loss = CrossEntropy()(outputs, objective.program.output_frac_bits, objective.targets)
    assert np.allclose(losses, loss.mean(axis=1), rtol=1e-12)


def test_a_device_behind_packets_returns_the_same_outputs(objective):
    device = endpoint_device(LARGE_ENGINE)
    device.load_program(objective.program)
    device.write_parameters(LARGE_ENGINE.weight.quantize(initial_vector(DIGITS, 1)))
    coordinates = [Coordinate(3, 77), Coordinate(800, -77)]
    golden, packets = (
        np.concatenate(
            [
                part.outputs_raw
                for part in coordinate_outputs(made, objective.samples_raw[:3], coordinates)
            ]
        )
        for made in (objective.device, device)
    )
    assert np.array_equal(golden, packets)
