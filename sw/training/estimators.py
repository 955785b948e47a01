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


@dataclass(frozen=True)
class RandomGradient:
    """Antithetic random gradient estimator (RGE).

    Computes ``g = 1/N sum_q (L(w + e u_q) - L(w - e u_q)) / (2 e s^2) u_q`` with the realised
    scale e = ``epsilon_raw * weight_step`` and s^2 the variance of u. Queries are summed in order.
    Its variance is ``(|g|^2 + (kappa - 2) g_i^2) / N`` with kappa = E u^4 / s^4.

    Parameters
    ----------
    size : :class:`int`
        Parameters d.
    queries : :class:`int`
        Directions N; each takes two queries of the device.
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

    Source: Zhao et al. 2023, section 2; Nesterov and Spokoiny 2017.
    """

    size: int
    queries: int
    epsilon_raw: int
    weight_step: float
    distribution: Distribution
    bits: int
    lfsr: LfsrParameters
    seed: int

    def estimate(self, objective: Objective, step: int) -> Estimate:
        """Return the estimate of one step."""
        queries = self.device_queries(step)
        losses = objective.losses(queries)
        epsilon = self.epsilon_raw * self.weight_step
        scale = 1.0 / (2.0 * epsilon * variance(self.distribution, self.bits) * self.queries)
        coefficients = (losses[0::2] - losses[1::2]) * scale
        gradient = coefficients[0] * directions(queries[0], self.size, self.lfsr)
        for index in range(1, self.queries):
            gradient += coefficients[index] * directions(queries[2 * index], self.size, self.lfsr)
        return Estimate(gradient, float(fixed_sum(losses)) / len(losses), float(len(queries)))

    def device_queries(self, step: int) -> list[Query]:
        """Return the queries of one step: plus and minus of each direction in turn."""
        return [
            Query(sign, seed, self.epsilon_raw, self.distribution, self.bits)
            for seed in (
                self._register_seed(query_seed(self.seed, step, index))
                for index in range(self.queries)
            )
            for sign in (1, -1)
        ]

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
        addresses = self.addresses(step)
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

    def addresses(self, step: int) -> IntArray:
        """Return the coordinates of one step, sorted: all, or a random subset."""
        if self.count == self.size:
            return np.arange(self.size, dtype=np.int64)
        chosen = permutation(self.size, self.seed, _SUBSET_STREAM + step)[: self.count]
        return np.sort(chosen)
