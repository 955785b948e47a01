"""The kernel in NumPy: the definition that every other kernel and device is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.lanes import Lanes, words_per_value
from tenzo.sw.golden.ranges import Range
from tenzo.sw.kernels.kernel import Limits, Part
from tenzo.sw.perturbation import perturb_all
from tenzo.sw.planning.program_check import StageAddresses
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

MEMORY_BYTES = 8 << 20
"""Queries and samples are computed together until their lane memories take this many bytes.

Larger blocks leave the caches of the processor: measured on 784-256-10, 6.3 ms instead of 4.4 ms.
"""

MOST_QUERIES = 32
"""Queries that are computed together at most."""

_KEPT_LANES = 4


class NumpyKernel:
    """Kernel that computes stages as matrix products in float64, exactly.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    memory_bytes : :class:`int`
        See :data:`MEMORY_BYTES`.
    """

    def __init__(self, engine: EngineParameters, memory_bytes: int = MEMORY_BYTES) -> None:
        self._engine = engine
        self._memory_bytes = memory_bytes

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return "numpy"

    def load_program(self, program: Program, touched: Sequence[StageAddresses]) -> None:
        """Load a program and the addresses that each stage touches."""
        self._program, self._touched = program, touched
        self._lanes: dict[tuple[int, int], Lanes] = {}
        self._value_bytes = 8 * words_per_value(program, touched)

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
        """Run all queries on all samples, block after block of samples."""
        groups = _groups([item[2:] for item in limits], ordered)
        largest = min(MOST_QUERIES, max((len(group) for group in groups), default=1))
        lane_count = self._engine.lane_count
        values = max(1, self._memory_bytes // self._value_bytes)
        at_once = max(1, min(largest, values // lane_count))
        block = max(1, values // at_once // lane_count) * lane_count
        parts = [
            group[start : start + at_once]
            for group in groups
            for start in range(0, len(group), at_once)
        ]
        for first in range(0, len(samples_raw), block):
            yield self._block(first, samples_raw[first : first + block], queries, limits, parts)

    def _block(
        self,
        first: int,
        samples_raw: IntArray,
        queries: Sequence[Query],
        limits: Sequence[Limits],
        parts: Sequence[list[int]],
    ) -> Part:
        """Run all queries on a block of samples, one list of queries after the other."""
        outputs: dict[int, IntArray] = {}
        saturations = np.zeros(len(self._program.stages), dtype=np.int64)
        weight_saturations = np.zeros(len(queries), dtype=np.int64)
        for part in parts:
            entry, stop = limits[part[0]][2:]
            lanes = self._lanes_for(len(part), len(samples_raw))
            lanes.arrays.samples[0] = samples_raw.T
            lanes.parameters[:], weight_saturations[part] = perturb_all(
                self._parameters, [queries[index] for index in part], self._program, self._engine
            )
            saturations[entry:stop] += lanes.run(entry, stop)
            results = lanes.arrays.results.transpose(0, 2, 1).astype(np.int64)
            outputs.update(zip(part, results, strict=True))
        in_order = [outputs[index] for index in range(len(queries))]
        return Part(0, first, in_order, saturations, weight_saturations.tolist())

    def close(self) -> None:
        """Release the lane memories."""
        self._lanes = {}

    def _lanes_for(self, query_count: int, sample_count: int) -> Lanes:
        """Return lane memories of a size, kept from an earlier call where possible."""
        key = (query_count, sample_count)
        lanes = self._lanes.pop(key, None)
        if lanes is None:
            while len(self._lanes) >= _KEPT_LANES:
                self._lanes.pop(next(iter(self._lanes)))
            lanes = Lanes(self._program, self._touched, self._engine, query_count, sample_count)
        self._lanes[key] = lanes
        return lanes


def _groups(ranges: Sequence[Range], ordered: bool) -> list[list[int]]:
    """Return queries to compute at the same time: those of one range, or each on its own."""
    if ordered:
        return [[index] for index in range(len(ranges))]
    groups: dict[Range, list[int]] = {}
    for index, item in enumerate(ranges):
        groups.setdefault(item, []).append(index)
    return list(groups.values())
