"""Losses of the first-order baselines in PyTorch, with derivatives by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tenzo.sw.errors import UserError
from tenzo.sw.experiments.float_network import apply_network
from tenzo.sw.networks.float_stages import FloatStage
from tenzo.sw.problems import black_scholes, hjb20, poisson10
from tenzo.sw.problems.field import Field
from tenzo.sw.problems.problem import Problem
from tenzo.sw.program import Activation

PASSES = 3
"""What a gradient by back-propagation counts as: one forward pass, and a backward pass of two."""


class TorchField:
    """Output and derivatives at points: first and second along every input, exactly.

    Each column of values travels with its derivatives (a truncated Taylor series), which takes
    1 + 2 inputs passes.
    """

    def __init__(self, stages: Sequence[FloatStage], weights: Tensor, field: Field, differ: bool):
        points = torch.from_numpy(field.points).to(weights.dtype)
        count, inputs = points.shape
        self.points, self.exact_at = points, field.points
        if not differ:
            self.value = apply_network(stages, weights, points.T, _activate)[0]
            return
        tangents = torch.eye(inputs, dtype=points.dtype).repeat_interleave(count, 1)
        columns = torch.cat([points.T, tangents, torch.zeros_like(tangents)], 1)
        mask = torch.zeros(columns.shape[1], dtype=points.dtype)
        mask[:count] = 1.0
        activate = _with_derivatives(count, inputs)
        values = apply_network(stages, weights, columns, activate, mask)[0]
        self.value = values[:count]
        self._first, self._second = values[count:].reshape(2, inputs, count)

    def first(self, axis: int) -> Tensor:
        """Return the derivative along one input, (points,)."""
        return self._first[axis]

    def second(self, axis: int) -> Tensor:
        """Return the second derivative along one input, (points,)."""
        return self._second[axis]

    def laplacian(self, axes: Sequence[int]) -> Tensor:
        """Return the sum of second derivatives along inputs, (points,)."""
        return self._second[list(axes)].sum(0)


def class_loss(
    stages: Sequence[FloatStage], weights: Tensor, samples: Tensor, labels: Tensor
) -> Tensor:
    """Return the mean cross-entropy of samples (samples, inputs)."""
    outputs = apply_network(stages, weights, samples.T, _activate)
    return torch.nn.functional.cross_entropy(outputs.T, labels)


def residual_loss(
    problem: Problem, stages: Sequence[FloatStage], weights: Tensor, fields: Mapping[str, Field]
) -> Tensor:
    """Return the loss of a problem at the points of fields.

    Raises
    ------
    UserError
        If the problem has no loss in PyTorch.
    """
    function = _LOSSES.get(type(problem))
    if function is None:
        known = ", ".join(kind.__name__ for kind in _LOSSES)
        raise UserError(f"first order needs one of the problems {known}, not {type(problem)!r}")
    made = {
        name: TorchField(stages, weights, field, name in problem.differentiated)
        for name, field in fields.items()
    }
    return function(problem, made)


def _hjb20(problem: Any, fields: Mapping[str, TorchField]) -> Tensor:
    f = fields["interior"]
    left, space = 1.0 - f.points[:, 20], range(20)
    u_t = left * f.first(20) - f.value
    square = sum((1.0 + left * f.first(axis)) ** 2 for axis in space)
    return ((u_t + left * f.laplacian(space) - 0.05 * square + 2.0) ** 2).mean()


def _black_scholes(problem: Any, fields: Mapping[str, TorchField]) -> Tensor:
    v = fields["interior"]
    s, rate = v.points[:, 0], black_scholes.RATE
    bend = 0.5 * black_scholes.VOLATILITY**2 * s * s * v.second(0)
    loss = ((v.first(1) + bend + rate * (s * v.first(0)) - rate * v.value) ** 2).mean()
    for name in ("terminal", "lower", "upper"):
        loss = loss + 10.0 * _miss(problem, fields[name])
    return loss


def _poisson10(problem: Any, fields: Mapping[str, TorchField]) -> Tensor:
    inside = fields["interior"]
    exact = torch.from_numpy(problem.exact(inside.exact_at)).to(inside.value.dtype)
    residual = inside.laplacian(range(10)) + (torch.pi**2 / 4) * exact
    return 0.01 * (residual**2).mean() + _miss(problem, fields["boundary"])


def _miss(problem: Any, field: TorchField) -> Tensor:
    """Return the mean square of what a condition misses."""
    exact = torch.from_numpy(problem.exact(field.exact_at)).to(field.value.dtype)
    return ((field.value - exact) ** 2).mean()


_LOSSES: dict[type, Callable[[Any, Mapping[str, TorchField]], Tensor]] = {
    hjb20.Hjb20: _hjb20,
    black_scholes.BlackScholes: _black_scholes,
    poisson10.Poisson10: _poisson10,
}


def _activate(activation: Activation, values: Tensor) -> Tensor:
    """Apply an activation."""
    if activation == Activation.RELU:
        return torch.relu(values)
    return torch.sin(values) if activation == Activation.SINE else torch.tanh(values)


def _with_derivatives(count: int, inputs: int) -> Callable[[Activation, Tensor], Tensor]:
    """Return the chain rule for columns: values, first and second derivatives of ``count`` each."""

    def activate(activation: Activation, columns: Tensor) -> Tensor:
        values = columns[:, :count]
        series = columns[:, count:].reshape(len(columns), 2, inputs, count)
        first, second = series[:, 0], series[:, 1]
        at, slope, bend = (part[:, None] for part in _series(activation, values))
        slopes = slope * first
        bends = bend * first * first + slope * second
        return torch.cat([part.reshape(len(columns), -1) for part in (at, slopes, bends)], 1)

    return activate


def _series(activation: Activation, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return an activation and its first two derivatives."""
    if activation == Activation.SINE:
        sine = torch.sin(values)
        return sine, torch.cos(values), -sine
    if activation == Activation.TANH:
        tanh = torch.tanh(values)
        slope = 1.0 - tanh * tanh
        return tanh, slope, -2.0 * tanh * slope
    relu = torch.relu(values)
    return relu, (values > 0).to(values.dtype), torch.zeros_like(values)
