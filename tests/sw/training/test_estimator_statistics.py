"""Mean and variance of random gradient estimates over 100,000 directions, against closed forms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from tenzo.sw.device import Distribution, Query
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.numerics import FloatArray
from tenzo.sw.perturbation import kurtosis, variance
from tenzo.sw.training.estimators import RandomGradient

SIZE, QUERIES = 8, 10
STEPS, FEW_STEPS = 10_000, 2_500
EPSILON_RAW, STEP = 200, 2.0**-10
LFSR = LfsrParameters()
KINDS = [(Distribution.RADEMACHER, 1), (Distribution.UNIFORM, 3), (Distribution.BINOMIAL, 4)]

pytestmark = pytest.mark.slow


class Quadratic:
    """Objective w' A w / 2 + b' w on directions of many queries at once."""

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        half = rng.normal(size=(SIZE, SIZE))
        self.A, self.b = half + half.T, rng.normal(size=SIZE)
        self.w = rng.normal(size=SIZE)
        self.gradient = self.A @ self.w + self.b
        self._masks: npt.NDArray[np.uint32] = np.array(
            [sum(int(LFSR.stream(1 << bit, 99)[i]) << bit for bit in range(32)) for i in range(99)],
            np.uint32,
        )

    def losses(self, queries: Sequence[Query]) -> FloatArray:
        swing = np.array([query.sign * query.epsilon_raw * STEP for query in queries])
        points = self.w + swing[:, None] * self._directions(queries)
        found: FloatArray = ((points @ self.A) * points).sum(1) / 2 + points @ self.b
        return found

    def _directions(self, queries: Sequence[Query]) -> npt.NDArray[np.int64]:
        bits = queries[-1].bits
        seeds = np.array([query.seed for query in queries], np.uint32)
        drawn = np.bitwise_count(self._masks[: SIZE * bits] & seeds[:, None]) & 1
        signs = drawn.reshape(len(queries), SIZE, bits).astype(np.int64) * 2 - 1
        if queries[-1].distribution == Distribution.UNIFORM:
            return signs @ (1 << np.arange(bits - 1, -1, -1))
        return signs.sum(2)

    def coordinate_losses(self, coordinates: object) -> FloatArray:
        raise NotImplementedError

    def coordinate_passes(self, addresses: object) -> float:
        raise NotImplementedError


def check(
    objective: Quadratic,
    stated_mean: FloatArray,
    stated_variance: FloatArray,
    made: RandomGradient,
    steps: int = STEPS,
) -> None:
    """Compare estimates with the closed forms, within five standard errors of each element."""
    found = np.array([made.estimate(objective, step).gradient for step in range(steps)])
    error = np.sqrt(stated_variance / (QUERIES * steps))
    assert (np.abs(found.mean(0) - stated_mean) < 5 * error).all()
    squares = (found - stated_mean) ** 2 * QUERIES
    error = squares.std(0) / np.sqrt(steps)
    assert (np.abs(squares.mean(0) - stated_variance) < 5 * error).all()
    assert (error < 3 / np.sqrt(steps) * stated_variance).all()


def estimator(
    distribution: Distribution, bits: int, one_sided: bool = False, shrink: bool = False
) -> RandomGradient:
    return RandomGradient(
        SIZE, QUERIES, EPSILON_RAW, STEP, distribution, bits, LFSR, 7, one_sided, shrink
    )


@pytest.mark.parametrize(("distribution", "bits"), KINDS)
def test_antithetic_estimates_have_the_stated_mean_and_variance(
    distribution: Distribution, bits: int
) -> None:
    objective = Quadratic()
    g, kappa = objective.gradient, kurtosis(distribution, bits)
    stated = g @ g + (kappa - 2) * g**2
    check(objective, g, stated, estimator(distribution, bits))


@pytest.mark.parametrize(("distribution", "bits"), KINDS)
def test_one_sided_estimates_have_the_curvature_on_top(
    distribution: Distribution, bits: int
) -> None:
    """With v = u / s, the extra variance of element i is (e s / 2)^2 E (v' A v)^2 v_i^2."""
    objective = Quadratic()
    g, kappa = objective.gradient, kurtosis(distribution, bits)
    levels, shares = values(distribution, bits)
    fourth, sixth = (float(shares @ levels**power) for power in (4, 6))
    assert fourth == pytest.approx(kappa, rel=1e-12)
    step = EPSILON_RAW * STEP * np.sqrt(variance(distribution, bits))
    extra = np.array([curvature(objective.A, i, fourth, sixth) for i in range(SIZE)])
    stated = g @ g + (kappa - 2) * g**2 + (step / 2) ** 2 * extra
    check(objective, g, stated, estimator(distribution, bits, one_sided=True), FEW_STEPS)


def test_shrunk_estimates_have_the_least_squared_error() -> None:
    objective = Quadratic()
    g = objective.gradient
    factor = QUERIES / (QUERIES + SIZE - 1)
    made = estimator(Distribution.RADEMACHER, 1, shrink=True)
    stated = (g @ g - g**2) * factor**2
    check(objective, g * factor, stated, made, FEW_STEPS)
    scales = np.linspace(0.1, 1, 10_000)
    errors = (1 - scales) ** 2 * (g @ g) + scales**2 * (SIZE - 1) * (g @ g) / QUERIES
    assert scales[errors.argmin()] == pytest.approx(factor, abs=1e-4)


def values(distribution: Distribution, bits: int) -> tuple[FloatArray, FloatArray]:
    """Return the values of a direction over its standard deviation, and their shares."""
    words = np.arange(1 << bits)
    levels = 2.0 * words + 1 - (1 << bits)
    if distribution != Distribution.UNIFORM:
        levels = 2.0 * np.bitwise_count(words) - bits
    return levels / np.sqrt(variance(distribution, bits)), np.full(1 << bits, 0.5**bits)


def curvature(A: FloatArray, i: int, fourth: float, sixth: float) -> float:
    """Return E (v' A v)^2 v_i^2 for independent symmetric v of variance 1."""
    rest = np.delete(np.arange(len(A)), i)
    B, a, c = A[np.ix_(rest, rest)], A[i, i], A[i, rest]
    trace = np.trace(B)
    off = 2 * ((B**2).sum() - (np.diag(B) ** 2).sum()) + (fourth - 1) * (np.diag(B) ** 2).sum()
    square = trace**2 + off
    return float(a**2 * sixth + 2 * a * trace * fourth + square + 4 * (c @ c) * fourth)
