"""Operands of the golden model: views of memory in the shape of a loop nest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from tenzo.sw.planning.addressing import addresses, affine_bounds, signed_strides

FloatArray = npt.NDArray[np.float64]


class Operand:
    """Words of a memory in the order of a loop nest.

    Where the nest is affine and does not wrap around, this is a view of the memory; otherwise
    words are gathered and scattered through a table of addresses.

    Parameters
    ----------
    source : float64 array of shape (queries, words, samples)
    counts, strides : sequences of :class:`int`
        Of each counter.
    base, first_word : :class:`int`
        Address of the first iteration, and of the first word of ``source``.
    order : sequence of :class:`int`
        Counters in the order of the operand's axes; those left out stay at zero.
    """

    def __init__(
        self,
        source: FloatArray,
        counts: Sequence[int],
        base: int,
        strides: Sequence[int],
        order: Sequence[int],
        first_word: int = 0,
    ) -> None:
        counts = [counts[axis] for axis in order]
        steps = signed_strides([strides[axis] for axis in order])
        low, high = affine_bounds(counts, base, steps)
        queries, words, samples = source.shape
        self.shape = (queries, *counts, samples)
        self._source = source
        self._view: FloatArray | None = None
        if first_word <= low and high < first_word + words:
            by_query, by_word, by_sample = source.strides
            self._view = as_strided(
                source[:, base - first_word],
                self.shape,
                (by_query, *(step * by_word for step in steps), by_sample),
            )
        else:
            self._index = addresses(counts, base, steps) - first_word

    def load(self) -> FloatArray:
        """Return the words, float64 of :attr:`shape`: a view, or a copy if gathered."""
        return self._source[:, self._index] if self._view is None else self._view

    def store(self, values: FloatArray) -> None:
        """Write values of :attr:`shape`."""
        if self._view is None:
            self._source[:, self._index] = values
        else:
            self._view[...] = values

    def store_floor(self, values: FloatArray) -> None:
        """Write the floor of values of :attr:`shape`."""
        if self._view is None:
            self._source[:, self._index] = np.floor(values)
        else:
            np.floor(values, out=self._view)
