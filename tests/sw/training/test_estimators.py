import numpy as np
import pytest

from tenzo.sw.device import Distribution
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.perturbation import directions, kurtosis, variance
from tenzo.sw.training.estimators import RandomGradient

SIZE = 12
STEP = 2.0**-10
KINDS = [(Distribution.RADEMACHER, 1), (Distribution.UNIFORM, 3), (Distribution.BINOMIAL, 4)]


def estimator(distribution=Distribution.RADEMACHER, bits=1, queries=2, **changes):
    settings = {"epsilon_raw": 3, "weight_step": STEP, "lfsr": LfsrParameters(), "seed": 5}
    return RandomGradient(
        SIZE, queries, distribution=distribution, bits=bits, **{**settings, **changes}
    )


class Function:
    """Objective that evaluates a function of the perturbed weights exactly."""

    def __init__(self, function, weights):
        self.function, self.weights = function, weights

    def losses(self, queries):
        self.queries = queries
        return np.array([self.function(self.weights + self.offset(query)) for query in queries])

    def offset(self, query):
        direction = directions(query, SIZE, LfsrParameters())
        return query.sign * query.epsilon_raw * STEP * direction


@pytest.mark.parametrize(("distribution", "bits"), KINDS)
def test_gradient_is_the_formula(distribution, bits):
    slope = np.arange(1.0, SIZE + 1)
    objective = Function(lambda w: slope @ w, np.zeros(SIZE))
    estimate = estimator(distribution, bits).estimate(objective, 7)
    pairs = [directions(query, SIZE, LfsrParameters()) for query in objective.queries[::2]]
    expected = sum((slope @ u) * u for u in pairs) / variance(distribution, bits) / 2
    assert np.allclose(estimate.gradient, expected, rtol=1e-12)
    assert estimate.passes == 4


@pytest.mark.parametrize(("distribution", "bits"), KINDS)
def test_mean_is_the_gradient_and_spread_is_the_stated_variance(distribution, bits):
    slope = np.linspace(-1, 2, SIZE)
    objective = Function(lambda w: slope @ w, np.zeros(SIZE))
    made = estimator(distribution, bits, queries=1)
    count = 4000
    estimates = np.array([made.estimate(objective, step).gradient for step in range(count)])
    stated = slope @ slope + (kurtosis(distribution, bits) - 2) * slope**2
    assert np.abs(estimates.mean(axis=0) - slope).max() < 5 * np.sqrt(stated.max() / count)
    assert np.allclose(estimates.var(axis=0), stated, rtol=0.2)


def test_even_terms_cancel():
    objective = Function(lambda w: w @ w, np.zeros(SIZE))
    assert np.array_equal(estimator().estimate(objective, 0).gradient, np.zeros(SIZE))


def test_loss_is_the_mean_of_the_queries():
    losses = [1.0, 2.0, 4.0, 8.0]

    class Fixed:
        def losses(self, queries):
            return np.array(losses)

    assert estimator().estimate(Fixed(), 0).loss == np.mean(losses)


def test_queries_come_in_pairs_of_one_seed_that_differ_by_step_and_run():
    queries = estimator().device_queries(3)
    assert [query.sign for query in queries] == [1, -1, 1, -1]
    assert queries[0].seed == queries[1].seed != queries[2].seed
    seeds = {made.device_queries(step)[0].seed
             for made in (estimator(), estimator(seed=6)) for step in range(100)}  # fmt: skip
    assert len(seeds) == 200


@pytest.mark.parametrize(("width", "taps"), [(2, 0x3), (5, 0x12), (31, 0x40000004)])
def test_seeds_fit_the_register(width, taps):
    lfsr = LfsrParameters(width, taps)
    for step in range(50):
        for query in estimator(lfsr=lfsr).device_queries(step):
            lfsr.check_seed(query.seed)
