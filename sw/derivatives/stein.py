"""Stein's estimator: derivatives of a function that is smoothed by a normal distribution.

With n a standard normal vector, the derivatives of ``E f(x + sigma n)`` are expectations of f times
polynomials of n: ``f_i ~ E n_i f / sigma`` and ``f_ii ~ E (n_i^2 - 1) f / sigma^2``.

Source: Stein 1981, "Estimation of the mean of a multivariate normal distribution"; He et al. 2023,
"Learning physics-informed neural networks without stacked back-propagation"; Zhao et al. 2023,
section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tenzo.sw.derivatives.stencil import IntArray, Outputs, offset_raw
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.random_streams import standard_normal
from tenzo.sw.sparse_grid import gauss_hermite

_SECOND_LEVEL = 3
"""First level whose rules integrate polynomials of degree 4, as second derivatives need."""


class SparseGridStein:
    """Stein's estimator with the expectation taken on a sparse Gauss-Hermite grid.

    f_i ~ sum_j w_j n_ji f_j / sigma and, over D axes,
    lap f ~ sum_j w_j (sum_i n_ji^2 - D) (f_j - f_0) / sigma^2. Exact for polynomials f of degree
    ``2 level - 2`` and ``2 level - 3``, but for the smoothing. Weights reach 204 in 21 dimensions,
    so rounded outputs make noise: see :func:`tenzo.sw.derivatives.noise.laplacian_noise`.

    Parameters
    ----------
    inputs : :class:`int`
        Dimension d; the grid has 925 nodes for d = 21 at level 3.
    activation : :class:`Format`
        Of samples.
    sigma : :class:`float`
        Is rounded to a multiple of the step of samples; nodes at other distances are rounded too.
    level : :class:`int`
        2 for first derivatives alone, 3 and more for second ones.

    Raises
    ------
    UserError
        If sigma is below the resolution of samples, the level out of range, or the grid too large.
    """

    def __init__(self, inputs: int, activation: Format, sigma: float = 0.1, level: int = 3) -> None:
        if level < 2:
            raise UserError(f"problem.derivatives.level must be 2 or more, not {level!r}")
        self.level = level
        nodes, self._weights = gauss_hermite(inputs, level)
        if nodes[0].any():
            nodes = np.concatenate([np.zeros((1, inputs)), nodes])
            self._weights = np.concatenate([np.zeros(1), self._weights])
        self._nodes = nodes
        sigma_raw = offset_raw("sigma", sigma, activation)
        self._offsets_raw = np.rint(nodes * sigma_raw).astype(np.int64)
        self.sigma = sigma_raw * activation.step

    @property
    def node_count(self) -> int:
        """Nodes of a point."""
        return len(self._nodes)

    def stencil(self, point_count: int, seed: int, stream: int) -> SparseGridStein:
        """Return itself: every step has the same stencil."""
        return self

    def nodes_raw(self, points_raw: IntArray) -> IntArray:
        """Return the nodes, (nodes, points, inputs)."""
        return self._offsets_raw[:, None, :] + points_raw

    def first(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the derivative along one input, (queries, points)."""
        weights = self._weights * self._nodes[:, axis] / self.sigma
        return _weighted(outputs, weights)

    def second(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the second derivative along one input, (queries, points)."""
        return self.laplacian(outputs, [axis])

    def laplacian(self, outputs: Outputs, axes: Sequence[int]) -> FloatArray:
        """Return the sum of second derivatives along inputs, (queries, points)."""
        if self.level < _SECOND_LEVEL:
            raise UserError(
                f"problem.derivatives.level must be {_SECOND_LEVEL} or more for second "
                f"derivatives, not {self.level}: its rules are exact for cubics only"
            )
        excess = fixed_sum(self._nodes[:, list(axes)] ** 2, 1) - len(axes)
        weights = self._weights * excess / self.sigma**2
        return _weighted(outputs - outputs[:, :1], weights)


class MonteCarloStein:
    """Stein's estimator with the expectation taken over random nodes, fresh in every step.

    Nodes come in antithetic pairs x +- sigma n, and the value in the middle is subtracted:
    f_i ~ mean n_i (f(x + sigma n) - f(x - sigma n)) / (2 sigma) and, over D axes,
    lap f ~ mean (sum_i n_i^2 - D) (f(x + sigma n) + f(x - sigma n) - 2 f(x)) / (2 sigma^2).

    Parameters
    ----------
    inputs : :class:`int`
        Dimension d.
    activation : :class:`Format`
        Of samples.
    sigma : :class:`float`
        Is rounded to a multiple of the step of samples, as nodes are.
    pairs : :class:`int`
        Pairs of nodes of each point; a point takes 2 ``pairs`` + 1 forward passes.

    Raises
    ------
    UserError
        If sigma is below the resolution of samples, or there is no pair.
    """

    def __init__(
        self, inputs: int, activation: Format, sigma: float = 0.1, pairs: int = 512
    ) -> None:
        if pairs < 1:
            raise UserError(f"problem.derivatives.pairs must be at least 1, not {pairs!r}")
        self.inputs, self.pairs = inputs, pairs
        self._sigma_raw = offset_raw("sigma", sigma, activation)
        self.sigma = self._sigma_raw * activation.step

    @property
    def node_count(self) -> int:
        """Nodes of a point."""
        return 2 * self.pairs + 1

    def stencil(self, point_count: int, seed: int, stream: int) -> MonteCarloStencil:
        """Return the stencil of a step; each of its points has directions of its own."""
        shape = self.pairs, point_count, self.inputs
        normal = standard_normal(seed, stream, self.pairs * point_count * self.inputs)
        offsets_raw = np.rint(normal.reshape(shape) * self._sigma_raw).astype(np.int64)
        return MonteCarloStencil(offsets_raw, offsets_raw / self._sigma_raw, self.sigma)


class MonteCarloStencil:
    """The random nodes of a step: the centre, all x + sigma n, all x - sigma n.

    Parameters
    ----------
    offsets_raw : int64 array of shape (pairs, points, inputs)
    directions : float64 array of the same shape
        n, as rounded.
    sigma : :class:`float`
    """

    def __init__(self, offsets_raw: IntArray, directions: FloatArray, sigma: float) -> None:
        self._offsets_raw, self._directions, self._sigma = offsets_raw, directions, sigma
        self._pairs = len(directions)

    def nodes_raw(self, points_raw: IntArray) -> IntArray:
        """Return the nodes, (nodes, points, inputs)."""
        offsets = self._offsets_raw
        return points_raw + np.concatenate([np.zeros_like(offsets[:1]), offsets, -offsets])

    def first(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the derivative along one input, (queries, points)."""
        plus, minus = outputs[:, 1 : 1 + self._pairs], outputs[:, 1 + self._pairs :]
        scale = 0.5 / (self._sigma * self._pairs)
        return fixed_sum((plus - minus) * self._directions[:, :, axis], 1) * scale

    def second(self, outputs: Outputs, axis: int) -> FloatArray:
        """Return the second derivative along one input, (queries, points)."""
        return self.laplacian(outputs, [axis])

    def laplacian(self, outputs: Outputs, axes: Sequence[int]) -> FloatArray:
        """Return the sum of second derivatives along inputs, (queries, points)."""
        plus, minus = outputs[:, 1 : 1 + self._pairs], outputs[:, 1 + self._pairs :]
        square = fixed_sum(self._directions[:, :, list(axes)] ** 2, 2)
        bend = (plus + minus - 2 * outputs[:, :1]) * (square - len(axes))
        return fixed_sum(bend, 1) * (0.5 / (self._sigma**2 * self._pairs))


def _weighted(outputs: Outputs, weights: FloatArray) -> FloatArray:
    """Return the weighted sum over nodes, those of weight zero left out; (queries, points)."""
    used = np.flatnonzero(weights)
    return fixed_sum(outputs[:, used] * weights[used, None], 1)
