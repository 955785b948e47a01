"""Layers as stages: the two contraction orders of a tensor train and which one to take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain


class Order(Enum):
    """Order in which the cores of a layer meet its input; the value is its name in reports."""

    LAST_CORE_FIRST = "last core first"
    FIRST_CORE_FIRST = "first core first"
    DENSE = "dense"


@dataclass(frozen=True)
class StageShape:
    """``out[l, j, r] = sum_k W[j, k] in[l, k, r]`` with l < left, j < J, k < K, r < right.

    Parameters
    ----------
    core : :class:`int`
        Index of the layer's core that W is made of.
    left, J, K, right : :class:`int`
        Sizes of the loops.
    """

    core: int
    left: int
    J: int
    K: int
    right: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates per sample."""
        return self.left * self.J * self.K * self.right

    @property
    def inputs(self) -> int:
        """Words read."""
        return self.left * self.K * self.right

    @property
    def outputs(self) -> int:
        """Words written."""
        return self.left * self.J * self.right


def stage_shapes(layer: Layer, order: Order) -> tuple[StageShape, ...]:
    """Return the stages of a layer, in the order in which they run.

    Source: design of the engine; a sweep over cores needs no transpose, since the output of one
    stage ``[left][J][right]`` is the input ``[left'][K'][right']`` of the next.
    """
    if isinstance(layer.form, Dense):
        return (StageShape(0, 1, layer.outputs, layer.inputs, 1),)
    form = layer.form
    if order is Order.LAST_CORE_FIRST:
        return tuple(_last_first(form, core) for core in reversed(range(len(form.input_modes))))
    return tuple(_first_first(form, core) for core in range(len(form.input_modes)))


def _last_first(form: TensorTrain, core: int) -> StageShape:
    """Return the stage of a core: J = (left rank, m), K = (n, right rank)."""
    left_rank, n, m, right_rank = form.core_shapes[core]
    left, right = math.prod(form.input_modes[:core]), math.prod(form.output_modes[core + 1 :])
    return StageShape(core, left, left_rank * m, n * right_rank, right)


def _first_first(form: TensorTrain, core: int) -> StageShape:
    """Return the stage of a core: J = (m, right rank), K = (left rank, n)."""
    left_rank, n, m, right_rank = form.core_shapes[core]
    left, right = math.prod(form.output_modes[:core]), math.prod(form.input_modes[core + 1 :])
    return StageShape(core, left, m * right_rank, left_rank * n, right)


def layer_macs(layer: Layer, order: Order) -> int:
    """Return the multiply-accumulates of a layer per sample."""
    return sum(stage.macs for stage in stage_shapes(layer, order))


def choose_order(layer: Layer) -> Order:
    """Return the order with the fewest multiply-accumulates.

    Ties go to the smaller peak of words between stages, then to the last core first.
    """
    if isinstance(layer.form, Dense):
        return Order.DENSE

    def cost(order: Order) -> tuple[int, int]:
        stages = stage_shapes(layer, order)
        return sum(s.macs for s in stages), max((s.outputs for s in stages[:-1]), default=0)

    return min((Order.LAST_CORE_FIRST, Order.FIRST_CORE_FIRST), key=cost)


def choose_orders(network: Network) -> tuple[Order, ...]:
    """Return the order of each layer, see :func:`choose_order`."""
    return tuple(choose_order(layer) for layer in network.layers)
