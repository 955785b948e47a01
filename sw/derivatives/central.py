"""Central differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tenzo.sw.derivatives.stencil import IntArray, Outputs, offset_raw
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray, fixed_sum


class CentralDifferences:
    """Central differences: 2 d + 1 nodes, x, x + h e_1, x - h e_1, x + h e_2 and so on.

    f_i ~ (f(x + h e_i) - f(x - h e_i)) / (2 h) and
    f_ii ~ (f(x + h e_i) - 2 f(x) + f(x - h e_i)) / h^2; both errors are of order h^2. With h a
    power of two and integer outputs nothing is rounded but the outputs themselves.

    Parameters
    ----------
    inputs : :class:`int`
        Dimension d.
    activation : :class:`Format`
        Of samples; h must be a multiple of its step.
    step : :class:`float`
        h, a power of two. In fixed point 1/8 to 1/2 is good: the noise of rounded outputs grows
        as 1/h^2.

    Raises
    ------
    UserError
        If h is no power of two, or below the resolution of samples.
    """

    def __init__(self, inputs: int, activation: Format, step: float = 0.25) -> None:
        if not 0 < step < math.inf or math.frexp(step)[0] != 0.5:
            raise UserError(
                f"problem.derivatives.step must be a power of two such as 0.25, not {step!r}"
            )
        self.inputs, self.step = inputs, step
        self.step_raw = offset_raw("step", step, activation)

    @property
    def node_count(self) -> int:
        """Nodes of a point."""
        return 2 * self.inputs + 1

    def stencil(self, point_count: int, seed: int, stream: int) -> CentralDifferences:
        """Return itself: every step has the same stencil."""
        return self

    def nodes_raw(self, points_raw: IntArray) -> IntArray:
        """Return the nodes, (nodes, points, inputs)."""
        nodes = np.repeat(points_raw[None], self.node_count, axis=0)
        for axis in range(self.inputs):
            nodes[1 + 2 * axis, :, axis] += self.step_raw
            nodes[2 + 2 * axis, :, axis] -= self.step_raw
        return nodes

    def first(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the derivative along one input, (queries, points)."""
        return (outputs[:, 1 + 2 * axis] - outputs[:, 2 + 2 * axis]) * (0.5 / self.step)

    def second(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the second derivative along one input, (queries, points)."""
        return self.laplacian(outputs, [axis])

    def laplacian(self, outputs: Outputs, axes: Sequence[int]) -> FloatArray:
        """Return the sum of second derivatives along inputs, (queries, points)."""
        axes = list(axes)
        if axes == list(range(axes[0], axes[-1] + 1)):
            around = outputs[:, 1 + 2 * axes[0] : 3 + 2 * axes[-1]]
        else:
            around = outputs[:, [1 + 2 * axis + side for axis in axes for side in (0, 1)]]
        whole = around.dtype.kind == "i"  # sums of integers are exact in any order
        total = around.sum(axis=1) if whole else fixed_sum(around, 1)
        return (total - 2 * len(axes) * outputs[:, 0]) * (1.0 / self.step**2)
