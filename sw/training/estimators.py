"""Gradient estimators: from losses of perturbed weights to a gradient, without back-propagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tenzo.sw.device import Distribution, Query
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.perturbation import directions, variance
from tenzo.sw.random_streams import query_seed


class Estimate(NamedTuple):
    """A gradient, float64 (parameters,), the loss it was made at, and the queries it took."""

    gradient: FloatArray
    loss: float
    queries: int


class Objective(Protocol):
    """Something that a device's queries can be asked for: the losses on one minibatch."""

    def losses(self, queries: Sequence[Query]) -> FloatArray:
        """Return the loss of each query, float64 of shape (queries,)."""
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
        return Estimate(gradient, float(fixed_sum(losses)) / len(losses), len(queries))

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
