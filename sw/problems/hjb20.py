"""Hamilton-Jacobi-Bellman equation in 20 dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.problems.field import Field, mean_square
from tenzo.sw.problems.problem import Problem

_SPACE = range(20)
_TIME = 20
_CONTROL = 0.05


class Hjb20(Problem):
    """Solve ``u_t + lap_x u - 0.05 |grad_x u|^2 + 2 = 0`` on x in [0, 1]^20, t in [0, 1].

    The terminal condition u(x, 1) = sum x_i is built in: u = sum x_i + (1 - t) f, so that
    u_t = -f + (1 - t) f_t, u_i = 1 + (1 - t) f_i and lap u = (1 - t) lap f. The exact solution is
    u = sum x_i + 1 - t: the network's output shall be the constant 1. Inputs are x, then t.

    Source: Zhao et al. 2023, section 4.
    """

    inputs = 21
    laplacian_axes = tuple(_SPACE)
    tolerated_noise = 0.05  # the residual of a network of zeros is 1
    picture: Mapping[int, str] = {20: "time t"}

    def losses(self, fields: Mapping[str, Field]) -> FloatArray:
        """Return the mean squared residual of each query."""
        f = fields["interior"]
        left = 1.0 - f.points[:, _TIME]
        u_t = left * f.first(_TIME) - f.value
        square = fixed_sum([(1.0 + left * f.first(axis)) ** 2 for axis in _SPACE], 0)
        return mean_square(u_t + left * f.laplacian(_SPACE) - _CONTROL * square + 2.0)

    def solution(self, points: FloatArray, value: FloatArray) -> FloatArray:
        """Return u = sum x_i + (1 - t) f."""
        return fixed_sum(points[:, :_TIME], 1) + (1.0 - points[:, _TIME]) * value

    def exact(self, points: FloatArray) -> FloatArray:
        """Return u = sum x_i + 1 - t."""
        return fixed_sum(points[:, :_TIME], 1) + (1.0 - points[:, _TIME])
