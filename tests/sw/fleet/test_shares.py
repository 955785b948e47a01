"""Work cut into shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.device import Query
from tenzo.sw.fleet.shares import cut, cut_queries


@given(st.integers(0, 50), st.integers(1, 20))
def test_a_cut_range_is_whole_and_even(count: int, parts: int) -> None:
    slices = cut(count, parts)
    assert [i for part in slices for i in range(part.start, part.stop)] == list(range(count))
    lengths = [part.stop - part.start for part in slices]
    assert not lengths or max(lengths) - min(lengths) <= 1


@given(st.integers(0, 70), st.integers(0, 9), st.integers(1, 9), st.integers(1, 5))
def test_every_sample_of_every_query_is_in_one_share(
    samples: int, queries: int, lanes: int, devices: int
) -> None:
    shares = cut_queries(samples, [Query()] * queries, lanes, devices)
    seen = [
        (sample, query)
        for share in shares
        for sample in range(share.samples.start, share.samples.stop)
        for query in range(share.queries.start, share.queries.stop)
    ]
    assert sorted(seen) == [(i, j) for i in range(samples) for j in range(queries)]


@given(st.integers(1, 70), st.integers(1, 9), st.integers(1, 5))
def test_shares_begin_at_whole_waves(samples: int, lanes: int, devices: int) -> None:
    shares = cut_queries(samples, [Query()] * 4, lanes, devices)
    assert all(share.samples.start % lanes == 0 for share in shares)


@pytest.mark.parametrize(("waves", "queries"), [(9, 1), (3, 1), (2, 4), (1, 6)])
def test_there_is_work_for_every_device(waves: int, queries: int) -> None:
    assert len(cut_queries(8 * waves, [Query()] * queries, 8, 3)) >= 3


def test_queries_that_build_on_each_other_stay_together() -> None:
    shares = cut_queries(16, [Query(), Query(entry=1)], 8, 5)
    assert [share.queries for share in shares] == [slice(0, 2)] * 2
