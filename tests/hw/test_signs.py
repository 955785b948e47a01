import random

import pytest

from tenzo.sw.device import Distribution
from tests.hw.test_perturbation import MINUS, PLUS, RANDOM, bench_of, check, one_hot, request

WEIGHTS, BIASES = 9, 4


@pytest.mark.parametrize("distribution", RANDOM)
@pytest.mark.parametrize("sign", [0, PLUS, MINUS])
def test_values_and_cycles_equal_the_model(distribution, sign):
    bench = bench_of(16, 20, 7, 1, max_bits=1)
    asked = request(distribution=distribution, sign=sign, seed=99, epsilon_raw=1234)
    check(bench, asked | {"first": 3, "last": 24}, asked | {"last": 27})


@pytest.mark.parametrize("width", [4, 16, 18])
def test_largest_epsilon_saturates_at_both_ends(width):
    largest = (1 << (width - 1)) - 1
    bench = bench_of(width, 40, 0, 3, max_bits=1)
    bench.weights[:4] = [largest, -largest - 1, 0, -1]
    check(bench, request(epsilon_raw=largest, last=40), request(epsilon_raw=1, last=40, sign=2))
    assert bench.saturated


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (0, 1), (0, 9), (4, 5), (8, 9), (9, 9), (5, 5), (6, 7), (5, 6)]
)
def test_bits_are_drawn_only_inside_the_range(first, last):
    asked = request(epsilon_raw=5, seed=12345)
    check(bench_of(8, 6, 3, 2, max_bits=1), asked | {"first": first, "last": last})


@pytest.mark.parametrize(("weights", "biases"), [(1, 0), (0, 1), (0, 3), (1, 1), (5, 0)])
def test_small_banks(weights, biases):
    asked = request(epsilon_raw=3, last=weights + biases)
    bench = bench_of(8, weights, biases, 3, max_bits=1)
    check(bench, asked, asked | {"sign": 0}, asked | {"sign": MINUS})


def test_nothing_is_done_in_a_cycle():
    bench = bench_of(8, 0, 0, 3, max_bits=1)
    bench.run(request(), request())
    assert bench.latencies == [1, 1]
    assert not bench.written


@pytest.mark.parametrize("sign", [0, PLUS, MINUS])
@pytest.mark.parametrize("first", [0, 5, WEIGHTS - 1, WEIGHTS, WEIGHTS + BIASES - 1])
def test_a_one_hot_stream_changes_one_parameter(first, sign):
    bench = bench_of(8, WEIGHTS, BIASES, 8, max_bits=1)
    check(bench, one_hot(first, sign=sign, epsilon_raw=100))


def test_requests_follow_each_other_without_mixing():
    generator = random.Random(5)
    asked = [
        request(
            distribution=generator.choice(list(Distribution)[:3]),
            sign=generator.randrange(3),
            seed=generator.randrange(1, 1 << 32),
            epsilon_raw=generator.randrange(1, 1 << 7),
            first=generator.randint(0, 6),
            last=generator.randint(6, 12),
        )
        for _ in range(12)
    ]
    asked[2::3] = [one_hot(generator.randrange(12), epsilon_raw=99) for _ in asked[2::3]]
    check(bench_of(8, 9, 3, 6, max_bits=1), *asked)
