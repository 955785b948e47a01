"""Poisson's equation in ten dimensions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenzo.sw.numerics import FloatArray, fixed_sum, sin_pi
from tenzo.sw.problems.field import Field, mean_square
from tenzo.sw.problems.problem import Problem

_DIMENSION = 10
_RESIDUAL_WEIGHT = 0.01


class Poisson10(Problem):
    """Solve -lap u = (pi^2 / 4) sum sin(pi x_i / 2) on [0, 1]^10 with u given on the boundary.

    The exact solution is u = sum sin(pi x_i / 2), and the network's output is u. The loss is 0.01
    times the mean squared residual plus the mean squared error on the boundary.
    """

    inputs = _DIMENSION
    tolerated_noise = 0.75  # the source is 15.9 in the root mean square
    picture: Mapping[int, str] = {0: "x1"}
    sets: Mapping[str, float] = {"interior": 1.0, "boundary": 1.0}

    def points(self, name: str, numbers: FloatArray) -> FloatArray:
        """Return points of the cube, or of its faces, each face as often as any other."""
        if name == "interior":
            return numbers
        points = numbers.copy()
        spread = numbers[:, 0] * (2 * _DIMENSION)
        face = np.floor(spread).astype(np.int64)
        points[:, 0] = spread - face
        points[np.arange(len(points)), face // 2] = face % 2
        return points

    def losses(self, fields: Mapping[str, Field]) -> FloatArray:
        """Return the weighted sum of both mean squares."""
        inside, boundary = fields["interior"], fields["boundary"]
        source = (np.pi**2 / 4) * self.exact(inside.points)
        residual = mean_square(inside.laplacian() + source)
        return _RESIDUAL_WEIGHT * residual + mean_square(
            boundary.value - self.exact(boundary.points)
        )

    def exact(self, points: FloatArray) -> FloatArray:
        """Return u = sum sin(pi x_i / 2)."""
        return fixed_sum(sin_pi(0.5 * points), 1)
