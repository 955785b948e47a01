"""Stages of a network as products of float matrices, whatever library multiplies them."""

from __future__ import annotations

from typing import NamedTuple

from tenzo.sw.networks.contraction import choose_orders, stage_shapes
from tenzo.sw.networks.network import Network
from tenzo.sw.program import Activation


class FloatStage(NamedTuple):
    """A stage, and where its parameters lie in the vector of all of them.

    ``out[l, j, r] = activate(sum_k W[j, k] in[l, k, r] + bias[l, j, r])``; ``bias`` is the first of
    its biases, or None.
    """

    left: int
    J: int
    K: int
    right: int
    weight: int
    bias: int | None
    activation: Activation


def float_stages(network: Network) -> list[FloatStage]:
    """Return the stages of all layers, in the order in which they run."""
    stages = []
    weight, bias = 0, network.weight_count
    for layer, order in zip(network.layers, choose_orders(network), strict=True):
        shapes = stage_shapes(layer, order)
        for index, shape in enumerate(shapes):
            last = index == len(shapes) - 1
            first_bias = bias if last and layer.bias else None
            activation = layer.activation if last else Activation.NONE
            sizes = shape.left, shape.J, shape.K, shape.right
            stages.append(FloatStage(*sizes, weight, first_bias, activation))
            weight += shape.J * shape.K
        bias += layer.bias_count
    return stages
