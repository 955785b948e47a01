"""The noise that rounding makes in derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tenzo.sw.derivatives.stencil import Derivatives
from tenzo.sw.numerics import fixed_sum


def laplacian_noise(derivatives: Derivatives, axes: Sequence[int], output_step: float) -> float:
    """Return the standard deviation of a Laplacian's error from rounding the outputs alone.

    ``output_step sqrt(sum_j w_j^2 / 12)`` with w_j the weight of node j: rounding errors are taken
    as independent and uniform over one step.

    Parameters
    ----------
    derivatives : :class:`Derivatives`
        For random nodes, those of one stream stand for all.
    axes : sequence of :class:`int`
    output_step : :class:`float`
        Value of one unit of a rounded output, ``2**-b`` for b fractional bits.
    """
    unit = np.eye(derivatives.node_count)[:, :, None]
    weights = derivatives.stencil(1, 1, 0).laplacian(unit, axes)[:, 0]
    return output_step * math.sqrt(float(fixed_sum(weights * weights)) / 12.0)
