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


def collect(device: Device, samples_raw: IntArray, queries: Sequence[Query]) -> list[IntArray]:
    """Return the outputs of each query, int64 of shape (samples, outputs).

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
    return [
        np.array([blocks[query, sample] for sample in range(len(samples_raw))], dtype=np.int64)
        for query in range(len(queries))
    ]


def first_difference(
    expected: Sequence[IntArray] | IntArray, actual: Sequence[IntArray] | IntArray
) -> OutputDifference | None:
    """Return the first output that differs, in order of query, sample and address.

    Parameters
    ----------
    expected, actual : int64 of shape (samples, outputs) for each query

    Raises
    ------
    RuntimeError
        If the shapes differ.
    """
    for query, (left, right) in enumerate(zip(expected, actual, strict=True)):
        if left.shape != right.shape:
            raise RuntimeError(f"query {query} has outputs {right.shape}, not {left.shape}")
        places = np.argwhere(left != right)
        if len(places):
            sample, address = map(int, places[0])
            values = int(left[sample, address]), int(right[sample, address])
            return OutputDifference(query, sample, address, *values)
    return None


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
