"""What derivatives are computed from: outputs at nodes around each point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray

IntArray = npt.NDArray[np.int64]
Outputs = npt.NDArray[Any]
"""Outputs at the nodes of points: integers, or float64, of shape (queries, nodes, points)."""


class Stencil(Protocol):
    """Nodes around points, and the derivatives that outputs at the nodes tell.

    Node 0 is the point itself. Derivatives are with respect to inputs in true units, of outputs in
    the unit in which they are given; sums run in a fixed order.
    """

    def nodes_raw(self, points_raw: IntArray) -> IntArray:
        """Return the nodes of points (points, inputs): (nodes, points, inputs), raw activations."""
        ...

    def first(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the derivative along one input, float64 of shape (queries, points)."""
        ...

    def second(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the second derivative along one input, float64 of shape (queries, points)."""
        ...

    def laplacian(self, outputs: Outputs, axes: Sequence[int]) -> FloatArray:
        """Return the sum of second derivatives along inputs, float64 (queries, points)."""
        ...


class Derivatives(Protocol):
    """A way of taking derivatives: gives each step its stencil.

    Parameters
    ----------
    node_count : :class:`int`
        Forward passes that the derivatives at one point take.
    """

    @property
    def node_count(self) -> int:
        """Nodes of a point."""
        ...

    def stencil(self, point_count: int, seed: int, stream: int) -> Stencil:
        """Return the stencil of a step, from its random stream where nodes are random."""
        ...


def offset_raw(name: str, value: float, activation: Format) -> int:
    """Return a distance in raw activations, at least 1.

    Raises
    ------
    UserError
        If it is below the resolution of samples.
    """
    raw = round(value * 2.0**activation.frac_bits)
    if raw < 1:
        raise UserError(
            f"problem.derivatives.{name} must be at least {activation.step:g}, the resolution of "
            f"formats.activation ({activation}), not {value!r}: choose a larger one, or more "
            "fractional bits"
        )
    return raw
