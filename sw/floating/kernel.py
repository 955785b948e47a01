"""The kernel in floating point: queries evaluated with BLAS, on all processors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.floating.stage import FloatStage
from tenzo.sw.golden.lanes import Lanes
from tenzo.sw.kernels.kernel import Limits, Part
from tenzo.sw.perturbation import perturb_all
from tenzo.sw.planning.program_check import StageAddresses
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

TASK_SAMPLES = 128
"""Samples that one thread computes at a time, of all queries of a task together.

Their values stay in a processor's cache: measured on 21-512-512-1, 1.9 microseconds a pass for 128
or 256 samples, 2.3 for 64 and 6 for 2,048.
"""

OUTPUT_BYTES = 4 << 20
"""Outputs of one part take about this much memory, whatever the evaluation."""

one_blas_thread = lru_cache(maxsize=1)(ThreadpoolController)
"""What keeps BLAS from starting threads of its own: products are small, and tasks run at once."""


class _Task(NamedTuple):
    """Queries ``first`` to ``last - 1``, all of one range of stages, on some samples."""

    first: int
    last: int
    samples: slice


class FloatKernel:
    """Kernel that computes stages in floating point, unrounded.

    Outputs are float64, in the units of the program's results. They are the same for every number
    of threads, but not on every machine: BLAS adds in an order of its own.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    threads : :class:`int`
    dtype
        ``float32``, or ``float64`` where it shall stand for exact arithmetic.
    """

    def __init__(
        self, engine: EngineParameters, threads: int = 1, dtype: npt.DTypeLike = np.float32
    ) -> None:
        self._engine, self._threads, self._dtype = engine, threads, np.dtype(dtype)
        self._pool: ThreadPoolExecutor | None = None
        self._idle: dict[tuple[int, int], list[Lanes]] = {}

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return str(self._dtype)

    @property
    def threads(self) -> int:
        """Threads that compute."""
        return self._threads

    def load_program(self, program: Program, touched: Sequence[StageAddresses]) -> None:
        """Load a program and the addresses that each stage touches."""
        self._program, self._touched = program, touched
        self._idle = {}

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases: int64 of shape (parameter_count,)."""
        self._parameters = parameters_raw.astype(np.float64)

    def evaluate(
        self,
        samples_raw: IntArray,
        queries: Sequence[Query],
        limits: Sequence[Limits],
        ordered: bool,
    ) -> Iterator[Part]:
        """Run all queries on all samples, in parts of a bounded size.

        Queries that must run in order share a part, and a thread for each of its blocks of samples.
        """
        per_sample = 8 * max(1, self._program.output_count)
        if ordered:
            block, together = TASK_SAMPLES * self._threads, max(1, len(queries))
        else:
            fitting = OUTPUT_BYTES // (per_sample * max(1, len(queries)))
            block = max(TASK_SAMPLES * self._threads, fitting)
            together = max(1, OUTPUT_BYTES // (per_sample * block))
        for first in range(0, len(samples_raw), block):
            samples = samples_raw[first : first + block]
            for start in range(0, len(queries), together):
                some = slice(start, start + together)
                yield self._part(samples, queries[some], limits[some], ordered, first, start)

    def close(self) -> None:
        """Release memory and threads."""
        self._idle = {}
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def map(self, function: Any, items: Sequence[Any]) -> None:
        """Call a function for all items, on all threads; BLAS starts none of its own."""
        with one_blas_thread().limit(limits=1, user_api="blas"):
            if self._threads == 1 or len(items) < 2:
                for item in items:
                    function(item)
                return
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads)
            lists = min(len(items), 2 * self._threads)  # few, since each is waited for

            def run(some: Sequence[Any]) -> None:
                for item in some:
                    function(item)

            for _ in self._pool.map(run, [items[first::lists] for first in range(lists)]):
                pass

    def _part(
        self,
        samples_raw: IntArray,
        queries: Sequence[Query],
        limits: Sequence[Limits],
        ordered: bool,
        first_sample: int,
        first_query: int,
    ) -> Part:
        """Run some queries on some samples."""
        shape = len(queries), len(samples_raw), self._program.output_count
        outputs: npt.NDArray[Any] = np.empty(shape)
        perturbed, saturated = perturb_all(self._parameters, queries, self._program, self._engine)

        def run(tasks: list[_Task]) -> None:
            columns = samples_raw[tasks[0].samples].T
            lanes = self._take(tasks[0].last - tasks[0].first, columns.shape[1])
            lanes.arrays.samples[0] = columns
            for task in tasks:
                lanes.parameters[:] = perturbed[task.first : task.last]
                lanes.run(*limits[task.first][2:])
                results = lanes.arrays.results.transpose(0, 2, 1)
                outputs[task.first : task.last, task.samples] = results
            self._give_back(lanes)

        self.map(run, _tasks(limits, len(samples_raw), ordered))
        saturations = np.zeros(len(self._program.stages), dtype=np.int64)
        return Part(first_query, first_sample, outputs, saturations, saturated.tolist())

    def _take(self, queries: int, samples: int) -> Lanes:
        """Return lane memories that no other thread uses."""
        try:
            return self._idle.setdefault((queries, samples), []).pop()
        except IndexError:
            return Lanes(
                self._program,
                self._touched,
                self._engine,
                queries,
                samples,
                FloatStage,
                self._dtype,
            )

    def _give_back(self, lanes: Lanes) -> None:
        """Keep lane memories for later; forget those of other sizes when there are many."""
        if len(self._idle) > 4:
            self._idle = {}
        key = len(lanes.parameters), lanes.arrays.samples.shape[2]
        self._idle.setdefault(key, []).append(lanes)


def _tasks(limits: Sequence[Limits], samples: int, ordered: bool) -> list[list[_Task]]:
    """Return lists of tasks: a thread runs the tasks of a list one after the other."""
    blocks = [slice(first, first + TASK_SAMPLES) for first in range(0, samples, TASK_SAMPLES)]
    if ordered:
        return [[_Task(i, i + 1, block) for i in range(len(limits))] for block in blocks]
    most = max(1, TASK_SAMPLES // max(1, samples))
    runs: list[tuple[int, int]] = []
    for index, item in enumerate(limits):
        alike = runs and limits[runs[-1][0]][2:] == item[2:]
        if alike and index - runs[-1][0] < most:
            runs[-1] = runs[-1][0], index + 1
        else:
            runs.append((index, index + 1))
    return [[_Task(*run, block)] for run in runs for block in blocks]
