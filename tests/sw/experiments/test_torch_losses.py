"""Derivatives and losses of the first-order baselines."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.experiments.float_network import float_outputs
from tenzo.sw.networks.float_stages import float_stages
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.problems.samples import configured_problem
from tenzo.sw.training.minibatches import make_source

torch = pytest.importorskip("torch")
torch_losses = pytest.importorskip("tenzo.sw.experiments.torch_losses")

PRESETS = ("hjb20", "black-scholes", "poisson10")
STEP = 1e-4


def fields_of(preset: str):
    """Return problem, stages, weights in float64, and fields without outputs."""
    config = load_config(preset, ["training.batch=4"])
    problem, _ = configured_problem(config)
    points = make_source(config, load_samples(config)).minibatch(0).targets
    fields = points.fields(np.zeros((1, len(points.samples_raw), 1)), 0)
    weights = initial_vector(config.network(), 1)
    return config.network(), problem, weights, fields


class ExactField:
    """A field whose derivatives are central differences of the float network."""

    def __init__(self, network, weights, points) -> None:
        self.points = points
        self._at = lambda x: float_outputs(network, weights, x)[:, 0]
        self.value = self._at(points)

    def _shifted(self, axis: int, sign: int):
        return self._at(self.points + sign * STEP * np.eye(self.points.shape[1])[axis])

    def first(self, axis: int):
        return (self._shifted(axis, 1) - self._shifted(axis, -1)) / (2 * STEP)

    def second(self, axis: int):
        return (self._shifted(axis, 1) + self._shifted(axis, -1) - 2 * self.value) / STEP**2

    def laplacian(self, axes=None):
        return sum(self.second(axis) for axis in axes or range(self.points.shape[1]))


@pytest.mark.parametrize("preset", PRESETS)
def test_loss_is_that_of_the_problem(preset: str) -> None:
    network, problem, weights, fields = fields_of(preset)
    exact = {name: ExactField(network, weights, field.points) for name, field in fields.items()}
    expected = float(np.ravel(problem.losses(exact))[0])
    stages = float_stages(network)
    loss = torch_losses.residual_loss(problem, stages, torch.from_numpy(weights), fields)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("preset", ["black-scholes", "poisson10"])
def test_derivatives_are_those_of_the_network(preset: str) -> None:
    network, _, weights, fields = fields_of(preset)
    exact = ExactField(network, weights, fields["interior"].points)
    arguments = float_stages(network), torch.from_numpy(weights), fields["interior"]
    field = torch_losses.TorchField(*arguments, True)
    for axis in (0, 1):
        assert np.allclose(field.first(axis), exact.first(axis), rtol=0, atol=1e-6)
        assert np.allclose(field.second(axis), exact.second(axis), rtol=0, atol=1e-5)


def test_loss_of_classes_is_the_cross_entropy() -> None:
    network = load_config("digits").network()
    weights, x = initial_vector(network, 1), np.linspace(0, 1, 5 * 64).reshape(5, 64)
    labels = np.arange(5)
    outputs = float_outputs(network, weights, x)
    expected = np.log(np.exp(outputs).sum(1)) - outputs[np.arange(5), labels]
    loss = torch_losses.class_loss(
        float_stages(network),
        torch.from_numpy(weights),
        torch.from_numpy(x),
        torch.from_numpy(labels),
    )
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-12)
