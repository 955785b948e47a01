"""Gradient estimators: from losses of perturbed weights to a gradient, without back-propagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Distribution, Query
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.perturbation import directions, variance
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.random_streams import permutation, query_seed

IntArray = npt.NDArray[np.int64]

_SUBSET_STREAM = 1 << 33
"""Stream of the subset of step 0; minibatches use streams below it."""


class Estimate(NamedTuple):
    """A gradient, float64 (parameters,), the loss it was made at, and what it took.

    ``passes`` are forward passes per sample: multiply-accumulates divided by those of the network.
    """

    gradient: FloatArray
    loss: float
    passes: float


class Objective(Protocol):
    """Something that a device's queries can be asked for: the losses on one minibatch."""

    def losses(self, queries: Sequence[Query]) -> FloatArray:
        """Return the loss of each query, float64 of shape (queries,)."""
        ...

    def coordinate_losses(self, coordinates: Sequence[Coordinate]) -> FloatArray:
        """Return the loss with one parameter changed, float64 of shape (coordinates,)."""
        ...

    def coordinate_passes(self, addresses: IntArray) -> float:
        """Return what evaluating each of these coordinates once costs, in passes per sample."""
        ...


class Estimator(Protocol):
    """Estimates the gradient of an objective at the weights that a device holds."""

    def estimate(self, objective: Objective, step: int) -> Estimate:
        """Return the estimate of one step; it depends on the step's number alone."""
        ...


def chosen_coordinates(size: int, count: int, seed: int, step: int) -> IntArray:
    """Return the coordinates of one step, sorted, int64 of shape (count,).

    Parameters
    ----------
    size, count : :class:`int`
        Parameters, and how many of them: all, or a random subset.
    seed, step : :class:`int`
        All that the subset depends on.
    """
    if count == size:
        return np.arange(size, dtype=np.int64)
    return np.sort(permutation(size, seed, _SUBSET_STREAM + step)[:count])


@dataclass(frozen=True)
class RandomGradient:
    """Random gradient estimator (RGE).

    Antithetic, ``g = 1/N sum_q (L(w + e u_q) - L(w - e u_q)) / (2 e s^2) u_q``, or one-sided,
    ``g = 1/N sum_q (L(w + e u_q) - L(w)) / (e s^2) u_q``, with the realised scale e =
    ``epsilon_raw * weight_step`` and s^2 the variance of u. Queries are summed in order. Its
    variance is ``(|g|^2 + (kappa - 2) g_i^2) / N`` with kappa = E u^4 / s^4; one-sided, half the
    second derivative along u comes on top. With ``shrink`` it is scaled by ``N / (N + d - 1)``,
    which minimises the mean squared error for Rademacher directions.

    Parameters
    ----------
    size : :class:`int`
        Parameters d.
    queries : :class:`int`
        Directions N; each takes two queries of the device, or one and the base's.
    epsilon_raw : :class:`int`
        Scale in raw weight units.
    weight_step : :class:`float`
        Value of one raw weight unit.
    distribution : :class:`Distribution`
    bits : :class:`int`
        Random bits per parameter.
    lfsr : :class:`LfsrParameters`
    seed : :class:`int`
        Seed of the run.
    one_sided, shrink : :class:`bool`
    blocks : tuple of (first, last)
        Ranges of parameters, one a step in turn; d is the size of the step's block, and the
        gradient of all others is zero. None: all parameters in every step.

    Source: Zhao et al. 2023, section 2; Nesterov and Spokoiny 2017; layer by layer: Chen et al.
    2024, "DeepZero"; the scale: the code of Zhao et al.
    """

    size: int
    queries: int
    epsilon_raw: int
    weight_step: float
    distribution: Distribution
    bits: int
    lfsr: LfsrParameters
    seed: int
    one_sided: bool = False
    shrink: bool = False
    blocks: tuple[tuple[int, int], ...] = ()

    def estimate(self, objective: Objective, step: int) -> Estimate:
        """Return the estimate of one step."""
        queries = self.device_queries(step)
        losses = objective.losses(queries)
        first, last = self._block(step)
        if self.one_sided:
            directed, changes, loss = queries[1:], losses[1:] - losses[0], float(losses[0])
        else:
            directed, changes = queries[0::2], losses[0::2] - losses[1::2]
            loss = float(fixed_sum(losses)) / len(losses)
        coefficients = changes * self._scale(last - first)
        gradient = np.zeros(self.size)
        for coefficient, query in zip(coefficients, directed, strict=True):
            gradient[first:last] += coefficient * directions(query, last - first, self.lfsr)
        return Estimate(gradient, loss, float(len(queries)))

    def device_queries(self, step: int) -> list[Query]:
        """Return the queries of one step.

        Plus and minus of each direction in turn; one-sided the base, then plus of each.
        """
        first, last = self._block(step)
        seeds = [
            self._register_seed(query_seed(self.seed, step, index)) for index in range(self.queries)
        ]
        signs = (1,) if self.one_sided else (1, -1)
        return [Query()] * self.one_sided + [
            Query(sign, seed, self.epsilon_raw, self.distribution, self.bits, first, last)
            for seed in seeds
            for sign in signs
        ]

    def _block(self, step: int) -> tuple[int, int]:
        """Return the range of parameters that a step perturbs."""
        return self.blocks[step % len(self.blocks)] if self.blocks else (0, self.size)

    def _scale(self, size: int) -> float:
        """Return what a difference of losses is multiplied with, for so many parameters."""
        width = self.epsilon_raw * self.weight_step * (1.0 if self.one_sided else 2.0)
        scale = 1.0 / (width * variance(self.distribution, self.bits) * self.queries)
        return scale * (self.queries / (self.queries + size - 1)) if self.shrink else scale

    def _register_seed(self, seed: int) -> int:
        """Shorten a 32-bit seed to the register's width, never zero."""
        return seed >> (32 - self.lfsr.width) or 1


@dataclass(frozen=True)
class CoordinateGradient:
    """Coordinate-wise gradient estimator (CGE): every parameter is changed alone.

    Computes ``g_i = (L(w + h e_i) - L(w)) / h`` or, central,
    ``(L(w + h e_i) - L(w - h e_i)) / 2h``, with h = ``step_raw * weight_step``; a random subset of
    the coordinates if ``count`` is smaller than their number, scaled by size / count. It has no
    variance but that of the subset.

    Parameters
    ----------
    size : :class:`int`
        Parameters d.
    count : :class:`int`
        Coordinates of a step, 1 to d.
    step_raw : :class:`int`
        Step h in raw weight units.
    weight_step : :class:`float`
        Value of one raw weight unit.
    central : :class:`bool`
        Whether to step both ways: twice the passes, an error of h^2 instead of h.
    seed : :class:`int`
        Seed of the run.

    Source: Zhao et al. 2023, section 2; what it costs, :mod:`tenzo.sw.planning.delta`.
    """

    size: int
    count: int
    step_raw: int
    weight_step: float
    central: bool
    seed: int

    def estimate(self, objective: Objective, step: int) -> Estimate:
        """Return the estimate of one step."""
        addresses = chosen_coordinates(self.size, self.count, self.seed, step)
        plus = [Coordinate(address, self.step_raw) for address in addresses.tolist()]
        base = objective.losses([Query()])[0]
        above = objective.coordinate_losses(plus)
        passes = 1.0 + objective.coordinate_passes(addresses)
        width = self.step_raw * self.weight_step
        if self.central:
            below = objective.coordinate_losses([Coordinate(i, -h) for i, h in plus])
            slopes = (above - below) / (2.0 * width)
            passes += objective.coordinate_passes(addresses)
        else:
            slopes = (above - base) / width
        gradient = np.zeros(self.size)
        gradient[addresses] = slopes * (self.size / self.count)
        return Estimate(gradient, float(base), passes)
