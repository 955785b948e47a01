"""Losses in the compiled kernels: every bit that of :mod:`tenzo.sw.numerics`, in less time."""

from __future__ import annotations

import ctypes
import weakref
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tenzo.sw import numerics
from tenzo.sw.kernels.choice import thread_count
from tenzo.sw.kernels.library import Library, NotBuiltError, NumericsStruct, find_library
from tenzo.sw.numerics import FloatArray

IntArray = npt.NDArray[np.int64]

_Triple = ctypes.c_int64 * 3


class NativeLosses:
    """Losses in C++.

    Parameters
    ----------
    library : :class:`Library`
    threads : :class:`int`
        Results do not depend on it.
    """

    def __init__(self, library: Library, threads: int) -> None:
        self._functions = library.functions
        numbers = NumericsStruct(
            numerics.ROUNDER,
            numerics.EXP_LOW,
            numerics.STEPS_PER_UNIT,
            numerics.STEP_HIGH,
            numerics.STEP_LOW,
            numerics.SQRT_HALF,
            numerics.LN2_HIGH,
            numerics.LN2_LOW,
            tuple(numerics.LOG_SERIES),
            numerics.EXP_TABLE.ctypes.data,
        )
        self._handle: int = self._functions.tenzo_losses_open(ctypes.byref(numbers), threads)
        if not self._handle:
            raise MemoryError("the kernels found too little memory for losses")
        weakref.finalize(self, self._functions.tenzo_losses_close, self._handle)

    @property
    def handle(self) -> int:
        """The handle of the library's losses."""
        return self._handle

    def cross_entropy(self, outputs_raw: IntArray, frac_bits: int, labels: IntArray) -> FloatArray:
        """Return the cross-entropy of the softmax, float64 of shape (queries, samples).

        Parameters
        ----------
        outputs_raw : int64 array of shape (queries, samples, outputs)
            At least one output; of any memory layout.
        frac_bits : :class:`int`
            Fractional bits of the outputs.
        labels : int64 array of shape (samples,)
            From 0 to outputs - 1.
        """
        labels = np.ascontiguousarray(labels, dtype=np.int64)
        losses = np.empty(outputs_raw.shape[:2])
        failed = self._functions.tenzo_cross_entropy(
            self._handle,
            outputs_raw.ctypes.data,
            _Triple(*outputs_raw.shape),
            _Triple(*(stride // 8 for stride in outputs_raw.strides)),
            2.0**-frac_bits,
            labels.ctypes.data,
            losses.ctypes.data,
        )
        if failed:
            raise MemoryError("the kernels found too little memory: choose a smaller batch")
        return losses


@lru_cache(maxsize=1)
def native_losses() -> NativeLosses | None:
    """Return the compiled losses, opened once, or nothing where they are not built."""
    try:
        return NativeLosses(find_library(), thread_count())
    except NotBuiltError:
        return None
