"""Coordinate sweeps in the compiled kernels: outputs for many parameters, each changed alone."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.kernels.library import CoordinateStruct, RowStruct, SliceStruct
from tenzo.sw.kernels.losses import NativeLosses
from tenzo.sw.kernels.native import NativeKernel, stage_struct
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.addressing import signed_strides
from tenzo.sw.planning.delta import Coordinate, Deltas, Row, Slice
from tenzo.sw.program import Stage

IntArray = npt.NDArray[np.int64]

OUTPUT_BYTES = 32 << 20
"""Outputs or losses of one call into the library take about this much memory."""


class SweepPart(NamedTuple):
    """Results for some coordinates.

    Parameters
    ----------
    first : :class:`int`
        Index of the first coordinate.
    outputs_raw : int64 array of shape (coordinates, samples, outputs)
        Samples lie innermost in memory.
    failed : uint8 array of shape (coordinates,)
        Where a bound was exceeded: the outputs must be worked out in full.
    macs : tuple of two :class:`int`
        Multiply-accumulates per sample, of the base pass and of the slices.
    """

    first: int
    outputs_raw: IntArray
    failed: npt.NDArray[np.uint8]
    macs: tuple[int, int]


class LossPart(NamedTuple):
    """Losses for some coordinates, as :class:`SweepPart`; ``losses`` are (coordinates, samples)."""

    first: int
    losses: FloatArray
    failed: npt.NDArray[np.uint8]


class NativeSweep:
    """Structured evaluation of coordinates in C++.

    Parameters
    ----------
    kernel : :class:`NativeKernel`
        With a program from :func:`tenzo.sw.planning.delta.keep_all` loaded.
    deltas : :class:`Deltas`
        Of that program.
    """

    def __init__(self, kernel: NativeKernel, deltas: Deltas) -> None:
        self._kernel, self._deltas = kernel, deltas
        self._rows = deltas.rows
        self._first_address = np.array([row.first_address for row in self._rows])
        self._close: weakref.finalize | None = None
        self._sweeps = 0

    def evaluate(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[SweepPart]:
        """Evaluate the network for every coordinate, in the order of their addresses.

        Parameters
        ----------
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
            Fastest if sorted by address.
        """
        outputs = self._deltas.program.output_count
        for first, some in self._calls(samples_raw, coordinates, outputs):
            yield self._outputs(len(samples_raw), some, first)

    def cross_entropy(
        self,
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
        frac_bits: int,
        labels: IntArray,
        losses: NativeLosses,
    ) -> Iterator[LossPart]:
        """Evaluate as :meth:`evaluate` does, but return losses: outputs are not written to memory.

        Parameters
        ----------
        samples_raw, coordinates
            As for :meth:`evaluate`.
        frac_bits, labels
            As for :meth:`NativeLosses.cross_entropy`.
        losses : :class:`NativeLosses`
            Of the same library.
        """
        labels = np.ascontiguousarray(labels, dtype=np.int64)
        for first, some in self._calls(samples_raw, coordinates, 1):
            yield self._losses(some, first, 2.0**-frac_bits, labels, losses)

    def works(self) -> bool:
        """Return whether the kernels run all slices of this program."""
        return self._open() != 0

    def close(self) -> None:
        """Release memory; before the kernel is closed."""
        if self._close is not None:
            self._close()
            self._close = None

    def _calls(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate], numbers: int
    ) -> Iterator[tuple[int, Sequence[Coordinate]]]:
        """Load samples; yield the coordinates of each call, given the numbers that one returns."""
        self._sweeps += 1
        number = self._sweeps
        samples = np.ascontiguousarray(samples_raw, dtype=np.int64)
        functions = self._kernel.library.functions
        _check(functions.tenzo_sweep_load(self._open(), samples.ctypes.data, len(samples)))
        together = max(1, OUTPUT_BYTES // (8 * max(1, numbers * len(samples))))
        for first in range(0, len(coordinates), together):
            if number != self._sweeps:
                raise RuntimeError("a sweep must end before the next one on the device begins")
            yield first, coordinates[first : first + together]

    def _outputs(self, samples: int, coordinates: Sequence[Coordinate], first: int) -> SweepPart:
        count = len(coordinates)
        outputs = np.empty((count, self._deltas.program.output_count, samples), dtype=np.int64)
        failed = np.empty(count, dtype=np.uint8)
        macs = (ctypes.c_int64 * 2)()
        structs = self._structs(coordinates)
        status = self._kernel.library.functions.tenzo_sweep_evaluate(
            self._open(),
            structs.ctypes.data_as(ctypes.POINTER(CoordinateStruct)),
            count,
            outputs.ctypes.data,
            failed.ctypes.data,
            macs,
        )
        _check(status)
        return SweepPart(first, outputs.transpose(0, 2, 1), failed, (macs[0], macs[1]))

    def _losses(
        self,
        coordinates: Sequence[Coordinate],
        first: int,
        scale: float,
        labels: IntArray,
        losses: NativeLosses,
    ) -> LossPart:
        values = np.empty((len(coordinates), len(labels)))
        failed = np.empty(len(coordinates), dtype=np.uint8)
        structs = self._structs(coordinates)
        status = self._kernel.library.functions.tenzo_sweep_cross_entropy(
            self._open(),
            losses.handle,
            structs.ctypes.data_as(ctypes.POINTER(CoordinateStruct)),
            len(coordinates),
            scale,
            labels.ctypes.data,
            values.ctypes.data,
            failed.ctypes.data,
            (ctypes.c_int64 * 2)(),
        )
        _check(status)
        return LossPart(first, values, failed)

    def _structs(self, coordinates: Sequence[Coordinate]) -> npt.NDArray[np.int32]:
        """Return row, term, address and step of each coordinate, int32 of shape (count, 4)."""
        numbers = np.fromiter(chain.from_iterable(coordinates), np.int64, 2 * len(coordinates))
        addresses, steps = numbers.reshape(-1, 2).T
        rows = np.searchsorted(self._first_address, addresses, side="right") - 1
        structs = np.stack([rows, addresses - self._first_address[rows], addresses, steps], axis=1)
        return np.ascontiguousarray(structs, dtype=np.int32)

    def _open(self) -> int:
        """Return the handle of the library's sweep, or 0 if it cannot be opened."""
        if self._close is None:
            slices: dict[Slice, int] = {}
            chain: list[int] = []
            rows = [self._row_struct(row, slices, chain) for row in self._rows]
            stages = self._deltas.program.stages
            structs = [_slice_struct(part, stages[part.stage]) for part in slices]
            functions = self._kernel.library.functions
            handle = functions.tenzo_sweep_open(
                self._kernel.handle(),
                (SliceStruct * len(structs))(*structs),
                len(structs),
                (RowStruct * len(rows))(*rows),
                len(rows),
                (ctypes.c_int32 * len(chain))(*chain),
                len(chain),
            )
            if not handle:
                return 0
            self._handle: int = handle
            self._close = weakref.finalize(self, functions.tenzo_sweep_close, handle)
        return self._handle

    def _row_struct(self, row: Row, slices: dict[Slice, int], chain: list[int]) -> RowStruct:
        """Return a row as the library reads it; note its slices and what follows it."""
        first = len(chain)
        own = slices.setdefault(row.own, len(slices))
        chain += [slices.setdefault(part, len(slices)) for part in row.chain]
        stride = signed_strides([self._deltas.program.stages[row.own.stage].input_strides[5]])[0]
        return RowStruct(own, stride, first, len(row.chain), row.is_bias)


def _check(status: int) -> None:
    """Raise :class:`MemoryError` where the library found none."""
    if status:
        raise MemoryError("the kernel found too little memory: choose a smaller batch")


def _slice_struct(part: Slice, stage: Stage) -> SliceStruct:
    """Return a slice as the library reads it: its bases are those of its first term."""
    nest, terms = part.nest(stage), part.terms
    changed = replace(
        nest,
        counts=(*nest.counts[:5], terms.size),
        input_base=nest.input_base + terms.base * nest.input_strides[5],
        weight_base=nest.weight_base + terms.base * nest.weight_strides[5],
        use_bias=False,
    )
    return SliceStruct(
        part.stage,
        stage_struct(changed),
        terms.inner,
        terms.stride,
        terms.outer_stride,
        part.is_exact,
    )
