import numpy as np
import pytest

from tenzo.sw.device import Distribution
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.perturbation import directions, kurtosis, variance
from tenzo.sw.planning.planner import plan
from tenzo.sw.training.blocks import blocks
from tenzo.sw.training.estimators import RandomGradient
from tests.sw.network_cases import DIGITS, LARGE_ENGINE

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
        first, last = query.first, SIZE if query.last is None else query.last
        offset = np.zeros(SIZE)
        offset[first:last] = directions(query, last - first, LfsrParameters())
        return query.sign * query.epsilon_raw * STEP * offset


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


def test_one_sided_gradient_is_the_formula_from_one_base():
    curve = np.arange(1.0, SIZE + 1)
    objective = Function(lambda w: 5 + curve @ w + 99 * w @ w, np.zeros(SIZE))
    estimate = estimator(queries=3, one_sided=True).estimate(objective, 7)
    assert [query.sign for query in objective.queries] == [0, 1, 1, 1]
    pairs = [directions(query, SIZE, LfsrParameters()) for query in objective.queries[1:]]
    expected = sum((curve @ u + 99 * 3 * STEP * (u @ u)) * u for u in pairs) / 3
    assert np.allclose(estimate.gradient, expected, rtol=1e-10)
    assert (estimate.passes, estimate.loss) == (4, 5.0)


def test_shrinking_is_a_factor():
    slope = np.arange(1.0, SIZE + 1)
    objective = Function(lambda w: slope @ w, np.zeros(SIZE))
    plain = estimator(queries=3).estimate(objective, 7).gradient
    shrunk = estimator(queries=3, shrink=True).estimate(objective, 7).gradient
    assert np.allclose(shrunk, plain * 3 / (3 + SIZE - 1), rtol=1e-12)
    blocks = ((0, 5), (5, SIZE))
    plain = estimator(queries=3, blocks=blocks).estimate(objective, 0).gradient
    shrunk = estimator(queries=3, blocks=blocks, shrink=True).estimate(objective, 0).gradient
    assert np.allclose(shrunk, plain * 3 / (3 + 5 - 1), rtol=1e-12)


def test_blocks_take_turns_and_leave_the_others_alone():
    slope = np.arange(1.0, SIZE + 1)
    objective = Function(lambda w: slope @ w, np.zeros(SIZE))
    made = estimator(blocks=((0, 5), (5, SIZE)))
    for step, (first, last) in enumerate([(0, 5), (5, SIZE), (0, 5)]):
        gradient = made.estimate(objective, step).gradient
        assert {(query.first, query.last) for query in objective.queries} == {(first, last)}
        part = [directions(query, last - first, LfsrParameters()) for query in objective.queries]
        expected = sum((slope[first:last] @ u) * u for u in part[::2]) / 2
        assert np.allclose(gradient[first:last], expected, rtol=1e-12)
        assert not gradient[:first].any() and not gradient[last:].any()


def test_blocks_of_a_network_are_its_cores_or_layers_and_the_biases_of_each_layer():
    planned = plan(DIGITS, LARGE_ENGINE)
    weights, biases = planned.network.weight_count, 64 + 10
    assert blocks(planned, "network") == ((0, weights + biases),)
    assert blocks(planned, "layer") == (
        (0, 384),
        (384, weights),
        (weights, weights + 64),
        (weights + 64, weights + 74),
    )
    cores = blocks(planned, "core")
    assert len(cores) == 6 + 2
    assert [first for first, _ in cores[1:]] == [last for _, last in cores[:-1]]
    bases = [stage.weight_base for stage in planned.stages]
    assert [first for first, _ in cores[:6]] == bases
    assert cores[6:] == blocks(planned, "layer")[2:]


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
