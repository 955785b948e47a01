"""The host's counter-based generator against its definition in Python integers."""

import numpy as np
import pytest

from tenzo.sw.random_streams import (
    hash_integers,
    permutation,
    query_seed,
    random_words,
    standard_normal,
    uniform,
)

MASK = (1 << 64) - 1


def splitmix64(state: int) -> int:
    """Next output of the published generator from a state."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def test_hash_is_the_published_splitmix64() -> None:
    # Output for seed 1234567, from the reference implementation's documentation.
    assert hash_integers(1234567) == 6457827717110365317
    assert hash_integers(3, 4) == splitmix64((splitmix64(3) + 4) & MASK)


def test_words_follow_the_definition() -> None:
    key = hash_integers(7, 9)
    expected = [splitmix64((key + (i - 1) * 0x9E3779B97F4A7C15) & MASK) for i in range(20)]
    assert random_words(7, 9, 20).tolist() == expected


@pytest.mark.parametrize("draw", [random_words, uniform, standard_normal])
def test_a_part_equals_the_same_part_of_the_whole(draw: object) -> None:
    assert callable(draw)
    assert draw(1, 2, 30, 11).tolist() == draw(1, 2, 100)[11:41].tolist()


@pytest.mark.parametrize("bad", [-1, 1 << 64])
def test_hash_refuses_what_does_not_fit(bad: int) -> None:
    with pytest.raises(ValueError, match="0 to 2\\^64 - 1"):
        hash_integers(1, bad)


def test_query_seeds_are_distinct_nonzero_and_not_consecutive() -> None:
    seeds = [query_seed(1, step, query) for step in range(1000) for query in range(4)]
    assert all(0 < seed < 1 << 32 for seed in seeds)
    assert len(set(seeds)) == len(seeds)
    assert 1 not in np.abs(np.diff(seeds)).tolist()


def test_query_seed_depends_on_each_argument() -> None:
    assert len({query_seed(1, 2, 3), query_seed(2, 1, 3), query_seed(1, 3, 2)}) == 3


def test_a_zero_hash_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenzo.sw.random_streams.hash_integers", lambda *values: 12345)
    assert query_seed(1, 2, 3) == 0x6C078965


def test_uniform_fills_the_unit_interval_evenly() -> None:
    counts = np.histogram(uniform(1, 0, 100_000), bins=10, range=(0, 1))[0]
    assert counts.sum() == 100_000
    assert np.abs(counts - 10_000).max() < 400


def test_normal_has_the_moments_of_the_distribution() -> None:
    x = standard_normal(3, 1, 100_000)
    assert abs(x.mean()) < 0.02
    assert abs(x.var() - 1) < 0.02
    assert abs((x**4).mean() - 3) < 0.15


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_permutation_holds_each_integer_once(count: int) -> None:
    assert sorted(permutation(count, 1, 2).tolist()) == list(range(count))


def test_permutations_of_seeds_and_streams_differ() -> None:
    orders = {tuple(permutation(50, seed, stream)) for seed in range(3) for stream in range(3)}
    assert len(orders) == 9


def test_permutation_reaches_every_order_about_equally_often() -> None:
    orders = [tuple(permutation(3, 1, stream)) for stream in range(3000)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert min(counts) > 400 and max(counts) < 600
