"""The noise that rounding makes in derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tenzo.sw.derivatives.stencil import Derivatives, Stencil
from tenzo.sw.numerics import FloatArray, fixed_sum


def node_weights(stencil: Stencil, nodes: int, axes: Sequence[int], inputs: int) -> FloatArray:
    """Return what a stencil of one point multiplies the outputs at its nodes by.

    Parameters
    ----------
    stencil : :class:`Stencil`
    nodes, inputs : :class:`int`
    axes : sequence of :class:`int`
        Of the Laplacian.

    Returns
    -------
    float64 array of shape (1 + inputs, nodes): the Laplacian, then the derivative along each input.
    """
    unit = np.eye(nodes)[:, :, None]
    rows = [stencil.laplacian(unit, axes), *(stencil.first(unit, axis) for axis in range(inputs))]
    return np.stack(rows)[:, :, 0]


def laplacian_noise(derivatives: Derivatives, axes: Sequence[int], output_step: float) -> float:
    """Return the standard deviation of a Laplacian's error from rounding the outputs alone.

    ``output_step sqrt(sum_j w_j^2 / 12)`` with w_j the weight of node j: rounding errors are taken
    as independent and uniform over one step. For the roundings inside a network see
    :func:`tenzo.sw.planning.noise.predicted_noise`.

    Parameters
    ----------
    derivatives : :class:`Derivatives`
        For random nodes, those of one stream stand for all.
    axes : sequence of :class:`int`
    output_step : :class:`float`
        Value of one unit of a rounded output, ``2**-b`` for b fractional bits.
    """
    weights = node_weights(derivatives.stencil(1, 1, 0), derivatives.node_count, axes, 0)[0]
    return output_step * math.sqrt(float(fixed_sum(weights * weights)) / 12.0)
