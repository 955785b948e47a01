"""The checker: which differences it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tenzo.sim.comparison import collect, counter_differences, first_difference
from tenzo.sw.device import Counters, Outputs, Query


class Answers:
    """Returns prepared items."""

    name = "prepared"

    def __init__(self, *items: Outputs) -> None:
        self.items = items

    def evaluate(self, samples_raw: Any, queries: Sequence[Query]) -> Iterator[Outputs]:
        yield from self.items


def item(query: int, first: int, count: int) -> Outputs:
    return Outputs(query, first, np.full((count, 2), 10 * query + first))


def test_first_difference_is_in_order_of_query_sample_and_address() -> None:
    expected = np.zeros((3, 4, 5), np.int64)
    actual = expected.copy()
    actual[2, 0, 0] = actual[1, 3, 4] = 7
    found = first_difference(expected, actual)
    assert found is not None
    assert (found.query, found.sample, found.address, found.expected, found.actual) == (
        1,
        3,
        4,
        0,
        7,
    )
    assert str(found) == "query 1, sample 3, address 4: expected 0, got 7"


def test_equal_outputs_have_no_difference() -> None:
    assert first_difference(np.ones((1, 2, 3), int), np.ones((1, 2, 3), int)) is None


def test_outputs_of_another_shape_are_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"query 1 has outputs \(2, 3\), not \(2, 0\)"):
        first_difference([np.zeros((2, 3), int), np.zeros((2, 0), int)], np.zeros((2, 2, 3), int))


def test_items_in_any_order_are_put_in_place() -> None:
    device: Any = Answers(item(1, 2, 1), item(0, 0, 2), item(1, 0, 2), item(0, 2, 1))
    outputs = collect(device, np.zeros((3, 1), np.int64), [Query(), Query()])
    assert [block[:, 0].tolist() for block in outputs] == [[0, 0, 2], [10, 10, 12]]


def test_sample_returned_twice_is_an_error() -> None:
    device: Any = Answers(item(0, 0, 2), item(0, 1, 1))
    with pytest.raises(RuntimeError, match="returned query 0 sample 1 twice"):
        collect(device, np.zeros((2, 1), np.int64), [Query()])


def test_missing_sample_is_an_error() -> None:
    device: Any = Answers(item(0, 0, 2))
    with pytest.raises(RuntimeError, match="returned 2 samples, not 3"):
        collect(device, np.zeros((3, 1), np.int64), [Query()])


def test_only_counters_that_all_devices_share_are_compared() -> None:
    expected = Counters(1, 2, 3, 4, np.array([0, 1]))
    actual = Counters(1, 2, 3, 4, np.array([0, 1]), perturb_wait_cycles=9)
    assert counter_differences(expected, actual) == []


@pytest.mark.parametrize("name", ["run_cycles", "mac_cycles", "queries", "weight_saturations"])
def test_a_wrong_counter_is_named(name: str) -> None:
    expected, actual = Counters(1, 2, 3, 4, np.array([0])), Counters(1, 2, 3, 4, np.array([0]))
    setattr(actual, name, 77)
    (sentence,) = counter_differences(expected, actual)
    assert sentence == f"{name}: expected {getattr(expected, name)}, got 77"


def test_wrong_saturations_are_named() -> None:
    expected, actual = Counters(1, 2, 3, 4, np.array([0])), Counters(1, 2, 3, 4, np.array([5]))
    assert counter_differences(expected, actual) == ["saturations: expected [0], got [5]"]
