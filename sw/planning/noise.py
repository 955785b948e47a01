"""The noise that rounding in fixed point makes in a derivative, predicted from a plan.

Every value that a stage rounds carries an error; the errors pass through the rest of the network
as small changes do, and the stencil adds those of all its nodes. This gives a variance without
evaluating anything in fixed point, so formats and steps can be compared before training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.plan import Plan, StagePlan
from tenzo.sw.program import Activation

IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class _Injection(NamedTuple):
    """Errors that one stage makes at all nodes.

    Parameters
    ----------
    slope : float64 array of shape (nodes, left, J, right)
        Change of the output for a change of the value that is rounded.
    variance : float64 array of the same shape, or :class:`float`
    """

    slope: FloatArray
    variance: FloatArray | float


def predicted_noise(
    plan: Plan,
    parameters_raw: IntArray,
    nodes_raw: IntArray,
    weights: FloatArray,
) -> FloatArray:
    """Return the standard deviation of derivatives at one point, from rounding alone.

    A requantization to f fractional bits by a shift s adds an error of variance
    ``4^-f (1 - 4^-s) / 12``; a table of sine or tanh adds that of its two roundings and of its
    chords. An error is multiplied by the derivative of the output with respect to the value that
    was rounded, worked out backwards in float64 at every node, and by the node's weight.

    Errors of different values, and of one value at different nodes, are taken as independent,
    with one exception: a value that does not depend on the inputs in which nodes differ is the
    same integer at all of them, and so is its error; these are added before they are squared.
    The prediction holds where the stencil moves every other value by more than one unit of its
    last place, where errors are small enough to pass on linearly, and where nothing saturates. For
    steps near the resolution it is too large, since errors of neighbouring nodes are alike there.

    Parameters
    ----------
    plan : :class:`Plan`
        With calibrated shifts, of a network with one output.
    parameters_raw : int64 array of shape (parameter_count,)
    nodes_raw : int64 array of shape (nodes, inputs)
        The nodes of one point.
    weights : float64 array of shape (derivatives, nodes)
        Each derivative is the sum of the outputs times a row.

    Returns
    -------
    float64 array of shape (derivatives,), in true units of the output per true unit of inputs.
    """
    network = _Stages(plan, parameters_raw)
    reads = np.zeros((1, nodes_raw.shape[1], 1, nodes_raw.shape[1]), dtype=bool)
    reads[0, :, 0] = np.eye(nodes_raw.shape[1], dtype=bool)
    dependence = network.dependence(reads)
    total = np.zeros(len(weights))
    for index, injections in network.injections(
        nodes_raw.astype(np.float64) * plan.engine.activation.step
    ):
        for injection in injections:
            total += _variance(injection, dependence[index], nodes_raw, weights)
    return np.sqrt(total)


@dataclass(frozen=True)
class _Stages:
    """The stages of a plan in real numbers."""

    plan: Plan
    parameters_raw: IntArray

    def dependence(self, inputs: Mask) -> list[Mask]:
        """Return which inputs the values of each stage depend on, (left, right, inputs) each."""
        found: list[Mask] = []
        for stage in self.plan.stages:
            summed: Mask = np.any(inputs.reshape(stage.left, stage.K, stage.right, -1), axis=1)
            found.append(summed)
            inputs = np.repeat(summed[:, None], stage.J, axis=1)
        return found

    def injections(self, samples: FloatArray) -> list[tuple[int, tuple[_Injection, ...]]]:
        """Return the errors that each stage makes, the last stage first.

        Parameters
        ----------
        samples : float64 array of shape (nodes, inputs)
        """
        sums = self._sums(samples)
        slope = np.ones_like(sums[-1])
        found: list[tuple[int, tuple[_Injection, ...]]] = []
        for index in reversed(range(len(sums))):
            stage = self.plan.stages[index]
            function = Activation[stage.activation.upper()]
            passed = slope * _first_derivative(function, sums[index])
            rounded = _Injection(passed, _rounding_variance(stage, self.plan.engine))
            if function.uses_table:
                second = _second_derivative(function, sums[index])
                table = _Injection(slope, _table_variance(second, self.plan.engine))
                found.append((index, (rounded, table)))
            else:
                found.append((index, (rounded,)))
            slope = np.matmul(self._weight(index).T, passed)
            if index:
                before = self.plan.stages[index - 1]
                slope = slope.reshape(-1, before.left, before.J, before.right)
        return found

    def _sums(self, values: FloatArray) -> list[FloatArray]:
        """Return what each stage rounds, (nodes, left, J, right) each."""
        sums = []
        for index, stage in enumerate(self.plan.stages):
            values = values.reshape(-1, stage.left, stage.K, stage.right)
            values = np.matmul(self._weight(index), values) + self._bias(index)
            sums.append(values)
            values = _activated(Activation[stage.activation.upper()], values)
        return sums

    def _weight(self, index: int) -> FloatArray:
        """Return the matrix of a stage, (J, K)."""
        stage = self.plan.stages[index]
        first = stage.weight_base
        return self._values(first, stage.J * stage.K).reshape(stage.J, stage.K)

    def _bias(self, index: int) -> FloatArray | float:
        """Return the bias of a stage, (left, J, right), or 0."""
        stage, program = self.plan.stages[index], self.plan.program
        if not stage.bias:
            return 0.0
        first = program.weight_count + program.stages[index].bias_base
        shape = stage.left, stage.J, stage.right
        return self._values(first, stage.left * stage.J * stage.right).reshape(shape)

    def _values(self, first: int, count: int) -> FloatArray:
        step = self.plan.engine.weight.step
        return self.parameters_raw[first : first + count].astype(np.float64) * step


def _variance(
    injection: _Injection, dependence: Mask, nodes_raw: IntArray, weights: FloatArray
) -> FloatArray:
    """Return what the errors of one stage add to the variance of each derivative."""
    spread = injection.slope * np.sqrt(injection.variance)
    right = dependence.shape[1]
    patterns, which = np.unique(
        dependence.reshape(-1, dependence.shape[2]), axis=0, return_inverse=True
    )
    which = which.reshape(-1, right)
    total = np.zeros(len(weights))
    for number, pattern in enumerate(patterns):
        left, column = np.nonzero(which == number)
        errors = spread[:, left, :, column].swapaxes(0, 1).reshape(len(spread), -1)
        total += _spread_of(errors, nodes_raw[:, pattern], weights)
    return total


def _spread_of(errors: FloatArray, differing: IntArray, weights: FloatArray) -> FloatArray:
    """Return the variance of each derivative from errors that depend on some of the inputs.

    Parameters
    ----------
    errors : float64 array of shape (nodes, values)
        Standard deviations at the output.
    differing : int64 array of shape (nodes, some inputs)
        Nodes that are equal here have the same error.
    weights : float64 array of shape (derivatives, nodes)
    """
    first, group = np.unique(differing, axis=0, return_inverse=True)
    if len(first) == len(differing):
        return weights**2 @ np.einsum("nv,nv->n", errors, errors)
    order = np.argsort(group.ravel(), kind="stable")
    starts = np.flatnonzero(np.diff(group.ravel()[order], prepend=-1))
    total = np.zeros(len(weights))
    for row, weight in enumerate(weights):
        added = np.add.reduceat(weight[order, None] * errors[order], starts, axis=0)
        total[row] = np.vdot(added, added)
    return total


def _rounding_variance(stage: StagePlan, engine: EngineParameters) -> float:
    """Return the variance of the error of a requantization."""
    frac_bits = stage.input_frac_bits + engine.weight.frac_bits - stage.shift
    return (1 - 4.0**-stage.shift) * 4.0**-frac_bits / 12


def _table_variance(second: FloatArray, engine: EngineParameters) -> FloatArray:
    """Return the variance of a table's error, given the function's second derivatives.

    The result is rounded, variance 1/12 of a unit squared; so are both ends of a chord, which
    leaves 2/3 of that on average; a parabola less its chord has variance f''^2 h^4 / 720.
    """
    table = engine.table
    unit = 4.0**-table.output_frac_bits
    if table.fraction_bits == 0:
        return np.full_like(second, unit / 12)
    length = table.limit / (1 << table.segment_bits)
    return unit * (5 / 36) + second * second * (length**4 / 720)


def _activated(function: Activation, x: FloatArray) -> FloatArray:
    """Return an activation of real numbers."""
    if function == Activation.SINE:
        return np.sin(x)
    if function == Activation.TANH:
        return np.tanh(x)
    return np.maximum(x, 0.0) if function == Activation.RELU else x


def _first_derivative(function: Activation, x: FloatArray) -> FloatArray:
    """Return the derivative of an activation."""
    if function == Activation.SINE:
        return np.cos(x)
    if function == Activation.TANH:
        return 1.0 - np.tanh(x) ** 2
    return (x > 0).astype(np.float64) if function == Activation.RELU else np.ones_like(x)


def _second_derivative(function: Activation, x: FloatArray) -> FloatArray:
    """Return the second derivative of sine or tanh."""
    if function == Activation.SINE:
        return -np.sin(x)
    value = np.tanh(x)
    return -2.0 * value * (1.0 - value * value)
