"""Random numbers of the host: a counter-based generator with the same bits everywhere.

Number i of a stream is a hash of (seed, stream, i) alone: nothing is stored, and any part of a
stream can be made on its own. NumPy's generators may change between versions, so initial weights,
minibatches and splits do not use them. The perturbations of the engine are something else: see
:mod:`tenzo.sw.lfsr`.
"""

import numpy as np
import numpy.typing as npt

from tenzo.sw.numerics import FloatArray, cos_pi, log

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_ZERO_SEED = 0x6C078965
"""Stands for a query's seed whose hash is zero, which an LFSR cannot use."""


def hash_integers(*values: int) -> int:
    """Hash integers to 64 bits: each in turn is added to the state, which is then mixed.

    Parameters
    ----------
    values : :class:`int`
        0 to 2^64 - 1 each; their order matters.

    Returns
    -------
    :class:`int`
        0 to 2^64 - 1.

    Raises
    ------
    ValueError
        If a value is out of range.
    """
    state = 0
    for value in values:
        if not 0 <= value <= _MASK:
            raise ValueError(f"value to hash must be 0 to 2^64 - 1, not {value!r}")
        state = (state + value + _GOLDEN) & _MASK
        state = ((state ^ state >> 30) * _FIRST) & _MASK
        state = ((state ^ state >> 27) * _SECOND) & _MASK
        state ^= state >> 31
    return state


def query_seed(run_seed: int, step: int, query: int) -> int:
    """Return the LFSR seed of one query: 32 bits, never zero.

    Seeds must not be consecutive integers: the streams of seeds 1, 2, 3 of an LFSR are shifts and
    sums of each other.
    """
    return hash_integers(run_seed, step, query) >> 32 or _ZERO_SEED


def random_words(seed: int, stream: int, count: int, first: int = 0) -> npt.NDArray[np.uint64]:
    """Return words ``first`` to ``first + count - 1`` of a stream.

    Word i is the finaliser of splitmix64 applied to ``key + i * 0x9E3779B97F4A7C15``, with the key
    a hash of seed and stream.

    Parameters
    ----------
    seed, stream : :class:`int`
        0 to 2^64 - 1 each.
    count, first : :class:`int`
        Number of words, and index of the first.

    Returns
    -------
    :class:`numpy.ndarray`
        uint64 of shape (count,), uniform over all 64-bit words.

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", with the
    constants of D. Stafford's variant 13.
    """
    key = np.uint64(hash_integers(seed, stream))
    words = np.arange(first, first + count, dtype=np.uint64)
    words = words * np.uint64(_GOLDEN) + key
    words = (words ^ (words >> np.uint64(30))) * np.uint64(_FIRST)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(_SECOND)
    return words ^ (words >> np.uint64(31))


def uniform(seed: int, stream: int, count: int, first: int = 0) -> FloatArray:
    """Return float64 of shape (count,), multiples of 2^-53 from 0 (included) to 1 (excluded)."""
    words = random_words(seed, stream, count, first) >> np.uint64(11)
    return words.astype(np.float64) * 2.0**-53


def standard_normal(seed: int, stream: int, count: int, first: int = 0) -> FloatArray:
    """Return normally distributed numbers of mean 0 and variance 1.

    Number i comes from words 2i and 2i + 1 by the Box-Muller transform
    ``sqrt(-2 log(1 - u)) cos(2 pi v)``. Magnitudes stay below 8.6.

    Parameters
    ----------
    seed, stream, count, first
        As in :func:`random_words`; ``first`` counts normal numbers.

    Returns
    -------
    :class:`numpy.ndarray`
        float64 of shape (count,).
    """
    pairs = uniform(seed, stream, 2 * count, 2 * first).reshape(count, 2)
    radius = np.sqrt(-2.0 * log(1.0 - pairs[:, 0]))
    return radius * cos_pi(2.0 * pairs[:, 1])


def permutation(count: int, seed: int, stream: int) -> npt.NDArray[np.int64]:
    """Return the integers 0 to ``count - 1`` in random order, int64 of shape (count,).

    They are sorted by their random words, equal words (one chance in 2^64 a pair) in order.
    """
    return np.argsort(random_words(seed, stream, count), kind="stable").astype(np.int64)
