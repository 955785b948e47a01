"""The golden model: a device in NumPy whose integers define what every other device returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Counters, Outputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.golden.lanes import Lanes, words_per_value
from tenzo.sw.golden.ranges import Range, Ranges
from tenzo.sw.perturbation import check_query, perturb_all
from tenzo.sw.planning.program_check import check_program, output_addresses
from tenzo.sw.planning.schedule import program_cycles, program_macs
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

MEMORY_BYTES = 8 << 20
"""Queries and samples are computed together until their lane memories take this many bytes.

Larger blocks leave the caches of the processor: measured on 784-256-10, 6.3 ms instead of 4.4 ms.
"""

MOST_QUERIES = 32
"""Queries that are computed together at most."""

COUNTER_MAX = (1 << 32) - 1
"""Counters of an engine stick at this value."""

_KEPT_LANES = 4


@dataclass(frozen=True)
class StageTrace:
    """What one stage wrote.

    Parameters
    ----------
    stage : :class:`int`
        Index in the program.
    addresses : int64 array of shape (outputs,)
        Lane words, or results if ``to_results``, in the order in which the engine writes them.
    values_raw : int64 array of shape (samples, outputs)
    to_results : :class:`bool`
    """

    stage: int
    addresses: IntArray
    values_raw: IntArray
    to_results: bool


class GoldenDevice:
    """Device that computes in NumPy, exactly.

    Stages run from their descriptors. A query that starts past stage 0 may read words that earlier
    queries of the same :meth:`evaluate` left in the lanes; which words are read is known from the
    descriptors, so reading a word that nobody has written is an error, never a stale value.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        self._program: Program | None = None
        self._parameters: npt.NDArray[np.float64] | None = None
        self.clear_counters()

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return "golden"

    def load_program(self, program: Program) -> None:
        """Load a stage program; :class:`UserError` if it does not fit the engine."""
        self._touched = check_program(program, self.engine)
        self._program = program
        self._parameters = None
        self._lanes: dict[tuple[int, int], Lanes] = {}
        self._ranges = Ranges(program, self._touched)
        self._value_bytes = 8 * words_per_value(program, self._touched)

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases: raw integers of shape (parameter_count,)."""
        program = self._loaded()
        _check_raw("parameters", parameters_raw, (program.parameter_count,), self.engine.weight)
        self._parameters = parameters_raw.astype(np.float64)

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), raw activations.

        Returns
        -------
        Iterator of :class:`Outputs`: for each block of samples, one item per query, in order.

        Raises
        ------
        UserError
            If samples or queries are not what the program and the engine take.
        """
        program = self._checked(samples_raw, queries)
        ranges = [query.resolve(program)[2:] for query in queries]
        together = self._ranges.check(ranges)
        return self._blocks(samples_raw, queries, ranges, together)

    def trace(
        self, samples_raw: IntArray, query: Query, earlier: Sequence[Query] = ()
    ) -> list[StageTrace]:
        """Run one query on samples and return what every stage wrote; nothing is counted.

        Parameters
        ----------
        samples_raw : int64 array of shape (samples, inputs)
        query : :class:`Query`
        earlier : sequence of :class:`Query`
            Run before it on the same lanes: what a query that starts past stage 0 builds on.
        """
        queries = [*earlier, query]
        program = self._checked(samples_raw, queries)
        self._ranges.check([item.resolve(program)[2:] for item in queries])
        lanes = Lanes(program, self._touched, self.engine, 1, len(samples_raw))
        lanes.arrays.samples[0] = samples_raw.T
        for item in queries:
            _, _, entry, stop = item.resolve(program)
            lanes.parameters[:], _ = perturb_all(self._written(), [item], program, self.engine)
            traces = [self._trace_stage(lanes, stage) for stage in range(entry, stop)]
        return traces

    def read_counters(self) -> Counters:
        """Return the counters; ``saturations`` has one element per stage of the program."""
        stages = len(self._program.stages) if self._program else 0
        cycles, macs, queries, weights = (min(count, COUNTER_MAX) for count in self._counts)
        saturations = np.minimum(self._saturations[:stages], COUNTER_MAX)
        return Counters(cycles, macs, queries, weights, saturations)

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._counts = [0, 0, 0, 0]
        self._saturations = np.zeros(self.engine.stage_slots, dtype=np.int64)

    def close(self) -> None:
        """Release the lane memories."""
        self._lanes = {}

    def _loaded(self) -> Program:
        """Return the program."""
        if self._program is None:
            raise UserError("no program is loaded: call load_program first")
        return self._program

    def _written(self) -> npt.NDArray[np.float64]:
        """Return the master parameters."""
        if self._parameters is None:
            raise UserError("no parameters are written: call write_parameters first")
        return self._parameters

    def _checked(self, samples_raw: IntArray, queries: Sequence[Query]) -> Program:
        """Return the program, after checks of samples and queries."""
        program = self._loaded()
        self._written()
        shape = (len(samples_raw), program.input_count)
        _check_raw("samples", samples_raw, shape, self.engine.activation)
        for query in queries:
            check_query(query, program, self.engine)
        return program

    def _blocks(
        self,
        samples_raw: IntArray,
        queries: Sequence[Query],
        ranges: Sequence[Range],
        together: bool,
    ) -> Iterator[Outputs]:
        """Yield block after block of samples, query by query."""
        groups = _groups(ranges, together)
        largest = min(MOST_QUERIES, max((len(group) for group in groups), default=1))
        lane_count = self.engine.lane_count
        values = max(1, MEMORY_BYTES // self._value_bytes)
        at_once = max(1, min(largest, values // lane_count))
        block = max(1, values // at_once // lane_count) * lane_count
        for first in range(0, len(samples_raw), block):
            outputs: dict[int, IntArray] = {}
            for group in groups:
                for start in range(0, len(group), at_once):
                    part = group[start : start + at_once]
                    results = self._run(samples_raw[first : first + block], queries, ranges, part)
                    outputs.update(zip(part, results, strict=True))
            for index in range(len(queries)):
                yield Outputs(index, first, outputs[index])

    def _run(
        self,
        samples_raw: IntArray,
        queries: Sequence[Query],
        ranges: Sequence[Range],
        part: Sequence[int],
    ) -> IntArray:
        """Run queries of one range on one block; return results (queries, samples, outputs)."""
        program = self._loaded()
        entry, stop = ranges[part[0]]
        lanes = self._lanes_for(len(part), len(samples_raw))
        lanes.arrays.samples[0] = samples_raw.T
        lanes.parameters[:], weight_saturations = perturb_all(
            self._written(), [queries[index] for index in part], program, self.engine
        )
        self._saturations[entry:stop] += lanes.run(entry, stop)
        waves = -(-len(samples_raw) // self.engine.lane_count)
        runs = waves * len(part)
        self._counts[0] += runs * program_cycles(program, self.engine, entry, stop)
        self._counts[1] += runs * program_macs(program, entry, stop)
        self._counts[2] += runs
        self._counts[3] += waves * int(weight_saturations.sum())
        results = lanes.arrays.results.transpose(0, 2, 1).astype(np.int64)
        return results[..., : program.results_of(entry, stop)]

    def _lanes_for(self, query_count: int, sample_count: int) -> Lanes:
        """Return lane memories of a size, kept from an earlier call where possible."""
        key = (query_count, sample_count)
        lanes = self._lanes.pop(key, None)
        if lanes is None:
            while len(self._lanes) >= _KEPT_LANES:
                self._lanes.pop(next(iter(self._lanes)))
            lanes = Lanes(self._loaded(), self._touched, self.engine, query_count, sample_count)
        self._lanes[key] = lanes
        return lanes

    def _trace_stage(self, lanes: Lanes, index: int) -> StageTrace:
        """Run one stage of the first query and read back what it wrote."""
        lanes.kernels[index].run()
        stage = self._loaded().stages[index]
        addresses = output_addresses(stage)
        if stage.to_results:
            values = lanes.arrays.results[0, addresses]
        else:
            values = lanes.arrays.memory[0, addresses - lanes.arrays.first_word]
        return StageTrace(index, addresses, values.T.astype(np.int64), stage.to_results)


def _groups(ranges: Sequence[Range], together: bool) -> list[list[int]]:
    """Return queries to compute at the same time: those of one range, or each on its own."""
    if not together:
        return [[index] for index in range(len(ranges))]
    groups: dict[Range, list[int]] = {}
    for index, item in enumerate(ranges):
        groups.setdefault(item, []).append(index)
    return list(groups.values())


def _check_raw(name: str, raw: IntArray, shape: tuple[int, ...], number: Format) -> None:
    """Check shape and range of raw integers."""
    if raw.shape != shape:
        raise UserError(f"{name} must have shape {shape}, not {raw.shape}")
    if not np.issubdtype(raw.dtype, np.integer):
        raise TypeError(f"{name} must be raw integers, not {raw.dtype}")
    if raw.size and (raw.min() < number.min_raw or raw.max() > number.max_raw):
        raise UserError(
            f"{name} must be {number.min_raw} to {number.max_raw} ({number}), not "
            f"{raw.min()} to {raw.max()}"
        )
