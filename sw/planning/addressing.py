"""Addresses of affine loop nests: where a stage reads and writes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.program import ADDRESS_MODULUS

IntArray = npt.NDArray[np.int64]


def signed_strides(strides: Sequence[int]) -> tuple[int, ...]:
    """Return strides modulo 2^16, as -32,768 to 32,767."""
    half = ADDRESS_MODULUS // 2
    return tuple((stride + half) % ADDRESS_MODULUS - half for stride in strides)


def affine_bounds(counts: Sequence[int], base: int, strides: Sequence[int]) -> tuple[int, int]:
    """Return the least and the greatest address of a nest with :func:`signed_strides`.

    Below 0 or above 65,535 the real addresses wrap around, and the nest is not affine.
    """
    extents = [(count - 1) * stride for count, stride in zip(counts, strides, strict=True)]
    low = base + sum(extent for extent in extents if extent < 0)
    return low, base + sum(extent for extent in extents if extent > 0)


def addresses(counts: Sequence[int], base: int, strides: Sequence[int]) -> IntArray:
    """Return the address of every iteration, int64 of shape ``counts``, modulo 2^16."""
    total = np.array(base, dtype=np.int64)
    for count, stride in zip(counts, strides, strict=True):
        total = total[..., None] + np.arange(count, dtype=np.int64) * stride
    return total % ADDRESS_MODULUS


def address_set(counts: Sequence[int], base: int, strides: Sequence[int]) -> IntArray:
    """Return the distinct addresses of a nest, sorted, int64."""
    moving = [(c, s) for c, s in zip(counts, strides, strict=True) if s % ADDRESS_MODULUS and c > 1]
    total = np.array([base % ADDRESS_MODULUS], dtype=np.int64)
    for count, stride in moving:
        steps = np.arange(count, dtype=np.int64) * (stride % ADDRESS_MODULUS)
        total = _distinct((total[:, None] + steps[None, :]) % ADDRESS_MODULUS)
    return total


def _distinct(values: IntArray) -> IntArray:
    """Return the distinct values below 2^16, sorted."""
    seen = np.zeros(ADDRESS_MODULUS, dtype=bool)
    seen[values] = True
    return np.flatnonzero(seen).astype(np.int64)


def iteration_addresses(
    iterations: IntArray, counts: Sequence[int], base: int, strides: Sequence[int]
) -> IntArray:
    """Return the addresses of some iterations, numbered in the order in which they run."""
    indices = np.unravel_index(iterations, tuple(counts))
    total = np.full(len(iterations), base, dtype=np.int64)
    for index, stride in zip(indices, strides, strict=True):
        total += index * stride
    return total % ADDRESS_MODULUS
