"""Comparison of two devices: the checker, which knows neither of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Counters, Device, Query

IntArray = npt.NDArray[np.int64]

COMPARED_COUNTERS = ("run_cycles", "mac_cycles", "queries", "weight_saturations", "saturations")
"""Counters that are equal on all devices; the waits are each device's own."""


@dataclass(frozen=True)
class OutputDifference:
    """First output of a query that differs."""

    query: int
    sample: int
    address: int
    expected: int
    actual: int

    def __str__(self) -> str:
        return (
            f"query {self.query}, sample {self.sample}, address {self.address}: "
            f"expected {self.expected}, got {self.actual}"
        )


def collect(device: Device, samples_raw: IntArray, queries: Sequence[Query]) -> IntArray:
    """Return all outputs, int64 of shape (queries, samples, outputs).

    Raises
    ------
    RuntimeError
        If the device returns a sample twice or not at all.
    """
    blocks: dict[tuple[int, int], IntArray] = {}
    for item in device.evaluate(samples_raw, queries):
        for row, outputs in enumerate(item.outputs_raw):
            key = (item.query, item.first_sample + row)
            if key in blocks:
                raise RuntimeError(f"{device.name} returned query {key[0]} sample {key[1]} twice")
            blocks[key] = outputs
    keys = [(query, sample) for query in range(len(queries)) for sample in range(len(samples_raw))]
    if sorted(blocks) != keys:
        raise RuntimeError(f"{device.name} returned {len(blocks)} samples, not {len(keys)}")
    stacked = np.array([blocks[key] for key in keys], dtype=np.int64)
    return stacked.reshape(len(queries), len(samples_raw), -1)


def first_difference(
    expected: IntArray,
    actual: IntArray,
    written: Sequence[Sequence[int]] | None = None,
) -> OutputDifference | None:
    """Return the first output that differs, in order of query, sample and address.

    Parameters
    ----------
    expected, actual : int64 of shape (queries, samples, outputs)
    written : addresses to compare, one sequence per query; all of them unless given
    """
    different = expected != actual
    if written is not None:
        keep = np.zeros(different.shape, dtype=bool)
        for query, addresses in enumerate(written):
            keep[query][:, list(addresses)] = True
        different &= keep
    places = np.argwhere(different)
    if not len(places):
        return None
    query, sample, address = map(int, places[0])
    values = int(expected[query, sample, address]), int(actual[query, sample, address])
    return OutputDifference(query, sample, address, *values)


def counter_differences(expected: Counters, actual: Counters) -> list[str]:
    """Return a sentence for each counter that differs."""
    sentences = []
    for field in fields(Counters):
        if field.name not in COMPARED_COUNTERS:
            continue
        values = getattr(expected, field.name), getattr(actual, field.name)
        if not np.array_equal(*values):
            sentences.append(f"{field.name}: expected {values[0]}, got {values[1]}")
    return sentences
