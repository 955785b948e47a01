"""The golden model: a device on the host whose integers define what every other device returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateLosses, CoordinateOutputs, Counters, Outputs, Query, loaded
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.golden.coordinates import Coordinates, check_coordinates
from tenzo.sw.golden.lanes import Lanes
from tenzo.sw.golden.ranges import Range, Ranges
from tenzo.sw.kernels.choice import open_kernel
from tenzo.sw.kernels.kernel import Limits, Part
from tenzo.sw.perturbation import check_query, perturb_all
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.program_check import check_program, output_addresses
from tenzo.sw.planning.schedule import program_cycles, program_macs
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

COUNTER_MAX = (1 << 32) - 1
"""Counters of an engine stick at this value."""


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


class _Run(NamedTuple):
    """Cycles, MACs and results per sample of a range of stages."""

    cycles: int
    macs: int
    results: int


class GoldenDevice:
    """Device that computes on the host, exactly.

    Stages run from their descriptors. A query that starts past stage 0 may read words that earlier
    queries of the same :meth:`evaluate` left in the lanes; which words are read is known from the
    descriptors, so reading a word that nobody has written is an error, never a stale value.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    kernel : :class:`str`
        ``numpy``, the definition; ``native``, compiled, the same integers in less time; or one of
        the compiled instruction sets by name, for example ``avx2``.
    threads : :class:`int`, optional
        Threads of a compiled kernel: ``TENZO_THREADS`` or all processors unless given.

    Raises
    ------
    UserError
        If this machine has no such kernel.
    """

    def __init__(
        self, engine: EngineParameters, kernel: str = "numpy", threads: int | None = None
    ) -> None:
        self.engine = engine
        self.kernel = open_kernel(kernel, engine, threads)
        self._program: Program | None = None
        self._parameters: IntArray | None = None
        self._coordinates: Coordinates | None = None
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
        self._ranges = Ranges(program, self._touched)
        self._runs: dict[Range, _Run] = {}
        self.kernel.load_program(program, self._touched)
        self._close_coordinates()

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases: raw integers of shape (parameter_count,)."""
        program = loaded(self._program)
        _check_raw("parameters", parameters_raw, (program.parameter_count,), self.engine.weight)
        self._parameters = parameters_raw.astype(np.int64)
        self.kernel.write_parameters(self._parameters)

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), raw activations.

        Returns
        -------
        Iterator of :class:`Outputs`, samples outer, queries inner: for each block of samples, one
        item per query, in order.

        Raises
        ------
        UserError
            If samples or queries are not what the program and the engine take.
        """
        limits = self._checked(samples_raw, queries)
        free = self._ranges.check([item[2:] for item in limits])
        return self._parts(self.kernel.evaluate(samples_raw, queries, limits, not free), limits)

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate the network with one parameter changed, for every coordinate; count nothing.

        Parameters
        ----------
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
            Fastest if sorted by address.

        Returns
        -------
        Iterator of :class:`CoordinateOutputs`, in order.
        """
        swept = self._swept(samples_raw, coordinates)
        return swept.evaluate(self._written(), samples_raw, coordinates)

    def coordinate_cross_entropy(
        self,
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
        frac_bits: int,
        labels: IntArray,
    ) -> Iterator[CoordinateLosses] | None:
        """Return the cross-entropies of the outputs of :meth:`evaluate_coordinates`, in order.

        Every bit is that of :func:`tenzo.sw.training.losses.cross_entropy`. None if the kernel does
        not compute them.

        Parameters
        ----------
        samples_raw, coordinates
            As for :meth:`evaluate_coordinates`.
        frac_bits, labels
            As for :meth:`tenzo.sw.kernels.losses.NativeLosses.cross_entropy`.
        """
        swept = self._swept(samples_raw, coordinates)
        return swept.cross_entropy(self._written(), samples_raw, coordinates, frac_bits, labels)

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
        limits = self._checked(samples_raw, queries)
        self._ranges.check([item[2:] for item in limits])
        program, parameters = loaded(self._program), self._written().astype(np.float64)
        lanes = Lanes(program, self._touched, self.engine, 1, len(samples_raw))
        lanes.arrays.samples[0] = samples_raw.T
        for item, (_, _, entry, stop) in zip(queries, limits, strict=True):
            lanes.parameters[:], _ = perturb_all(parameters, [item], program, self.engine)
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
        """Release what the kernel holds."""
        self._close_coordinates()
        self.kernel.close()

    def _swept(self, samples_raw: IntArray, coordinates: Sequence[Coordinate]) -> Coordinates:
        """Return what evaluates coordinates, after checks of samples and coordinates."""
        self._checked(samples_raw, [])
        check_coordinates(coordinates, loaded(self._program), self.engine)
        if self._coordinates is None:
            self._coordinates = Coordinates(self.engine, self.kernel, loaded(self._program))
        return self._coordinates

    def _close_coordinates(self) -> None:
        """Release what structured evaluation holds."""
        if self._coordinates is not None:
            self._coordinates.close()
            self._coordinates = None

    def _written(self) -> IntArray:
        """Return the master parameters."""
        if self._parameters is None:
            raise UserError("no parameters are written: call write_parameters first")
        return self._parameters

    def _checked(self, samples_raw: IntArray, queries: Sequence[Query]) -> list[Limits]:
        """Return the limits of each query, after checks of samples and queries."""
        program = loaded(self._program)
        self._written()
        shape = (len(samples_raw), program.input_count)
        _check_raw("samples", samples_raw, shape, self.engine.activation)
        return [check_query(query, program, self.engine) for query in queries]

    def _parts(self, parts: Iterable[Part], limits: Sequence[Limits]) -> Iterator[Outputs]:
        """Count each part of an evaluation and yield its outputs, query by query."""
        runs = [self._run_of(entry, stop) for _, _, entry, stop in limits]
        for part in parts:
            first = part.first_query
            chosen = runs[first : first + len(part.outputs_raw)]
            self._count(part, chosen)
            for index, (run, outputs) in enumerate(zip(chosen, part.outputs_raw, strict=True)):
                yield Outputs(first + index, part.first_sample, outputs[:, : run.results])

    def _count(self, part: Part, runs: Sequence[_Run]) -> None:
        """Count what an engine would have counted; a wave counts where it begins."""
        last = part.first_sample + len(part.outputs_raw[0])
        before, after = (-(-count // self.engine.lane_count) for count in (part.first_sample, last))
        waves = after - before
        self._counts[0] += waves * sum(run.cycles for run in runs)
        self._counts[1] += waves * sum(run.macs for run in runs)
        self._counts[2] += waves * len(runs)
        self._counts[3] += waves * sum(part.weight_saturations)
        self._saturations[: len(part.saturations)] += part.saturations

    def _run_of(self, entry: int, stop: int) -> _Run:
        """Return what one run of some stages counts, worked out once."""
        if (entry, stop) not in self._runs:
            program = loaded(self._program)
            self._runs[entry, stop] = _Run(
                program_cycles(program, self.engine, entry, stop),
                program_macs(program, entry, stop),
                program.results_of(entry, stop),
            )
        return self._runs[entry, stop]

    def _trace_stage(self, lanes: Lanes, index: int) -> StageTrace:
        """Run one stage of the first query and read back what it wrote."""
        lanes.kernels[index].run()
        stage = loaded(self._program).stages[index]
        addresses = output_addresses(stage)
        if stage.to_results:
            values = lanes.arrays.results[0, addresses]
        else:
            values = lanes.arrays.memory[0, addresses - lanes.arrays.first_word]
        return StageTrace(index, addresses, values.T.astype(np.int64), stage.to_results)


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
