"""A network's output and its derivatives at a set of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tenzo.sw.derivatives.stencil import Outputs, Stencil
from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray, fixed_sum


class Field:
    """The network's output f at the points of one set, for several queries at once.

    Parameters
    ----------
    name : :class:`str`
        Name of the set.
    points : float64 array of shape (points, inputs)
        As the network sees them: multiples of the step of samples.
    outputs : array of shape (queries, nodes, points)
        In units of ``unit``; node 0 is the point itself.
    unit : :class:`float`
        Value of one unit of the outputs.
    stencil : :class:`Stencil`, optional
        What the nodes are; None for a set without derivatives.
    """

    def __init__(
        self,
        name: str,
        points: FloatArray,
        outputs: Outputs,
        unit: float,
        stencil: Stencil | None = None,
    ) -> None:
        self.name, self.points = name, points
        self._outputs, self._unit, self._given_stencil = outputs, unit, stencil

    @property
    def value(self) -> FloatArray:
        """The output, float64 of shape (queries, points)."""
        value: FloatArray = self._outputs[:, 0] * self._unit
        return value

    def first(self, axis: int) -> FloatArray:
        """Return the derivative along one input, float64 of shape (queries, points)."""
        return self._stencil.first(self._outputs, self._axis(axis)) * self._unit

    def second(self, axis: int) -> FloatArray:
        """Return the second derivative along one input, float64 of shape (queries, points)."""
        return self._stencil.second(self._outputs, self._axis(axis)) * self._unit

    def laplacian(self, axes: Sequence[int] | None = None) -> FloatArray:
        """Return the sum of second derivatives along inputs, all by default, (queries, points)."""
        chosen = range(self.points.shape[1]) if axes is None else axes
        axes = [self._axis(axis) for axis in chosen]
        return self._stencil.laplacian(self._outputs, axes) * self._unit

    @property
    def _stencil(self) -> Stencil:
        """The stencil, if the set has one."""
        if self._given_stencil is None:
            raise UserError(
                f"the set {self.name!r} has no derivatives: name it in the problem's differentiated"
            )
        return self._given_stencil

    def _axis(self, axis: int) -> int:
        """Return an axis counted from the front."""
        inputs = self.points.shape[1]
        if not -inputs <= axis < inputs:
            raise UserError(f"axis must be 0 to {inputs - 1}, an input of the network, not {axis}")
        return axis % inputs


def mean_square(values: FloatArray) -> FloatArray:
    """Return the mean of squares over the last axis, summed in a fixed order."""
    return fixed_sum(values * values) / np.shape(values)[-1]
