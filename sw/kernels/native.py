"""The compiled kernel: the integers of the NumPy kernel from C++, on all processors."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.lanes import memory_range
from tenzo.sw.kernels.kernel import Limits, Part
from tenzo.sw.kernels.library import (
    EngineStruct,
    Library,
    ProgramStruct,
    QueryStruct,
    StageStruct,
)
from tenzo.sw.planning.addressing import signed_strides
from tenzo.sw.planning.program_check import StageAddresses
from tenzo.sw.program import ADDRESS_MODULUS, Program, Stage

IntArray = npt.NDArray[np.int64]

OUTPUT_BYTES = 4 << 20
"""Outputs of one call into the library take about this much memory, whatever the evaluation."""

LEAST_SAMPLES = 256
"""Samples of one call, at least, before queries are spread over several calls."""

TILE_SAMPLES = 64
"""Samples of a call are a multiple of this many: what kernels compute side by side."""


class NativeKernel:
    """Kernel in C++.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    library : :class:`Library`
    path : :class:`str`
        Instruction-set path, one of ``library.working``.
    threads : :class:`int`
        Results do not depend on it.
    """

    def __init__(self, engine: EngineParameters, library: Library, path: str, threads: int) -> None:
        self._engine, self._library, self._path, self._threads = engine, library, path, threads
        self._program: Program | None = None
        self._parameters: IntArray | None = None
        self._close: weakref.finalize | None = None

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return f"native {self._path}"

    @property
    def library(self) -> Library:
        """The library that computes."""
        return self._library

    def again(self, engine: EngineParameters) -> NativeKernel:
        """Return another kernel of the same library, path and threads."""
        return NativeKernel(engine, self._library, self._path, self._threads)

    def load_program(self, program: Program, touched: Sequence[StageAddresses]) -> None:
        """Load a program and the addresses that each stage touches."""
        self.close()
        self._program, self._parameters = program, None
        first, last = memory_range(program, touched)
        self._sizes = ProgramStruct(
            len(program.stages),
            program.weight_count,
            program.bias_count,
            program.input_count,
            program.output_count,
            first,
            max(0, last - first),
        )
        self._stages = (StageStruct * len(program.stages))(*map(stage_struct, program.stages))

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases: int64 of shape (parameter_count,)."""
        self._parameters = np.ascontiguousarray(parameters_raw, dtype=np.int64)
        if self._close is not None:
            self._write()

    def evaluate(
        self,
        samples_raw: IntArray,
        queries: Sequence[Query],
        limits: Sequence[Limits],
        ordered: bool,
    ) -> Iterator[Part]:
        """Run all queries on all samples, in calls whose outputs are of a bounded size.

        Queries that must run in order share a call whatever its size.
        """
        samples = np.ascontiguousarray(samples_raw, dtype=np.int64)
        structs = [query_struct(*pair) for pair in zip(queries, limits, strict=True)]
        block, together = self._sizes_of_call(len(queries), ordered)
        for first in range(0, len(samples), block):
            for start in range(0, len(queries), together):
                part = structs[start : start + together]
                yield self._call(samples[first : first + block], part, ordered, first, start)

    def close(self) -> None:
        """Release memory and threads."""
        if self._close is not None:
            self._close()
            self._close = None

    def _sizes_of_call(self, queries: int, ordered: bool) -> tuple[int, int]:
        """Return the samples and the queries of one call."""
        per_query = 8 * max(1, self._sizes.output_count)
        fitting = OUTPUT_BYTES // (per_query * max(1, queries))
        least = TILE_SAMPLES if ordered else LEAST_SAMPLES
        block = max(least, fitting // TILE_SAMPLES * TILE_SAMPLES)
        if ordered:
            return block, max(1, queries)
        return block, max(1, OUTPUT_BYTES // (per_query * block))

    def _call(
        self,
        samples: IntArray,
        structs: Sequence[tuple[int, ...]],
        ordered: bool,
        first_sample: int,
        first_query: int,
    ) -> Part:
        """Run some queries on some samples, in the library."""
        count = len(structs)
        outputs = np.empty((count, len(samples), self._sizes.output_count), dtype=np.int64)
        saturations = np.zeros(len(self._stages), dtype=np.int64)
        weight_saturations = np.zeros(count, dtype=np.int64)
        array: Any = QueryStruct * count
        failed = self._library.functions.tenzo_evaluate(
            self.handle(),
            samples.ctypes.data,
            len(samples),
            array(*structs),
            count,
            ordered,
            outputs.ctypes.data,
            saturations.ctypes.data,
            weight_saturations.ctypes.data,
        )
        if failed:
            raise MemoryError("the kernel found too little memory: choose a smaller batch")
        return Part(first_query, first_sample, outputs, saturations, weight_saturations.tolist())

    def handle(self) -> int:
        """Return the handle of the library's kernel; make it where there is none."""
        if self._close is None:
            functions = self._library.functions
            numbers = self._engine_struct()
            path = self._library.paths[self._path]
            handle = functions.tenzo_open(
                ctypes.byref(numbers), ctypes.byref(self._sizes), self._stages, path, self._threads
            )
            if not handle:
                raise MemoryError("the kernel found too little memory: choose a smaller network")
            self._handle: int = handle
            self._close = weakref.finalize(self, functions.tenzo_close, handle)
            self._write()
        return self._handle

    def _engine_struct(self) -> EngineStruct:
        """Return the engine as the library reads it; the words of the table stay in Python."""
        engine = self._engine
        numbers = (
            engine.activation.width, engine.weight.width, engine.lfsr.width, engine.lfsr.taps
        )  # fmt: skip
        if not engine.table_units:
            return EngineStruct(*numbers)
        self._table = np.ascontiguousarray(engine.table.words)
        return EngineStruct(
            *numbers, self._table.shape[1], engine.table.fraction_bits, self._table.ctypes.data
        )

    def _write(self) -> None:
        """Hand the parameters to the library."""
        if self._parameters is not None:
            self._library.functions.tenzo_write_parameters(
                self._handle, self._parameters.ctypes.data
            )


def stage_struct(stage: Stage) -> StageStruct:
    """Return a stage as the library reads it: strides signed, bases below 2^16."""
    return StageStruct(
        stage.counts,
        stage.input_base % ADDRESS_MODULUS,
        signed_strides(stage.input_strides),
        stage.weight_base % ADDRESS_MODULUS,
        signed_strides(stage.weight_strides),
        stage.output_base % ADDRESS_MODULUS,
        signed_strides(stage.output_strides),
        stage.bias_base % ADDRESS_MODULUS,
        signed_strides(stage.bias_strides),
        stage.shift,
        stage.bias_shift,
        stage.activation,
        stage.use_bias,
        stage.unit_weight,
        stage.to_results,
        stage.sample_input,
    )


def query_struct(query: Query, limits: Limits) -> tuple[int, ...]:
    """Return the fields of ``tenzo_query``, in order."""
    return (
        query.sign,
        query.epsilon_raw,
        query.distribution,
        query.bits,
        query.seed,
        *limits,
    )
