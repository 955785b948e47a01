"""Networks in floating point, contracted core by core as an engine does: NumPy's form of a pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.networks.contraction import choose_orders, stage_shapes
from tenzo.sw.networks.network import Network
from tenzo.sw.program import Activation

Array = npt.NDArray[Any]


class FloatStage(NamedTuple):
    """A stage and where its parameters lie in a vector of all of them.

    ``out[l, j, r] = sum_k W[j, k] in[l, k, r]``; ``bias`` is None, or the first of the ``left * J *
    right`` biases that are added to it.
    """

    left: int
    J: int
    K: int
    right: int
    weight: int
    bias: int | None
    relu: bool


def float_stages(network: Network) -> list[FloatStage]:
    """Return the stages of all layers, in the order in which they run."""
    stages = []
    weight, bias = 0, network.weight_count
    for layer, order in zip(network.layers, choose_orders(network), strict=True):
        shapes = stage_shapes(layer, order)
        for index, shape in enumerate(shapes):
            last = index == len(shapes) - 1
            stages.append(
                FloatStage(
                    shape.left,
                    shape.J,
                    shape.K,
                    shape.right,
                    weight,
                    bias if last and layer.bias else None,
                    last and layer.activation == Activation.RELU,
                )
            )
            weight += shape.J * shape.K
        bias += layer.bias_count
    return stages


def float_outputs(stages: list[FloatStage], weights: Array, x: Array) -> Array:
    """Return outputs of shape (rows, outputs, samples), in the type of the weights.

    Parameters
    ----------
    stages : list of :class:`FloatStage`
    weights : float array of shape (rows, parameters)
        One row per query.
    x : float array of shape (samples, inputs)
    """
    rows, samples = len(weights), len(x)
    values = np.broadcast_to(x.T, (rows, x.shape[1], samples))
    for left, J, K, right, first, bias, relu in stages:
        matrix = weights[:, first : first + J * K].reshape(rows, 1, J, K)
        values = np.matmul(matrix, values.reshape(rows, left, K, right * samples))
        values = values.reshape(rows, left * J * right, samples)
        if bias is not None:
            values += weights[:, bias : bias + left * J * right, None]
        if relu:
            np.maximum(values, 0, out=values)
    return values
