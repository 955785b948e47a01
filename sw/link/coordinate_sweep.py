"""Coordinates on an engine behind packets: by slices, wave by wave, or by whole networks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Device, Query
from tenzo.sw.link.program_memory import ProgramMemory
from tenzo.sw.link.requests import (
    PacketRequest,
    QueryRun,
    check_samples,
    query_request,
    read_requests,
    sample_requests,
)
from tenzo.sw.packets import MAX_OUTSTANDING_QUERIES
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.planning.sweep_program import Step, SweepProgram

IntArray = npt.NDArray[np.int64]

_BASE = -1


class Swept(NamedTuple):
    """Outputs of coordinates, and what the engine must have counted for them.

    ``outputs_raw`` is int64 of shape (coordinates, samples, outputs).
    """

    outputs_raw: IntArray
    run_cycles: int
    mac_cycles: int


class CoordinateSweep:
    """Runs a :class:`SweepProgram`.

    Each wave begins with a base pass, which writes the inputs of all stages. A run then returns
    the results that its coordinate changes; the others are those of the base pass.

    Parameters
    ----------
    sweep : :class:`SweepProgram`
    memory : :class:`ProgramMemory`
        Of an engine that holds parameters.
    """

    def __init__(self, sweep: SweepProgram, memory: ProgramMemory) -> None:
        self.sweep, self._memory = sweep, memory

    def evaluate(self, samples_raw: IntArray, coordinates: Sequence[Coordinate]) -> Swept:
        """Return the outputs of all coordinates.

        Parameters
        ----------
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
        """
        sweep = self.sweep
        samples = check_samples(samples_raw, sweep.program, sweep.engine)
        shape = len(coordinates), len(samples), sweep.program.output_count
        outputs = np.empty(shape, dtype=np.int64)
        steps = list(sweep.steps(coordinate.address for coordinate in coordinates))
        size = sweep.engine.lane_count
        for first in range(0, len(samples), size):
            wave = slice(first, first + size)
            for step, results in self._wave(samples[wave], coordinates, steps):
                if step is None:
                    outputs[:, wave] = results
                elif step.coordinate is not None:
                    outputs[step.coordinate, wave, sweep.runs[step.run].outputs] = results.T
        waves = -(-len(samples) // size)
        cycles = program_cycles(sweep.program, sweep.engine) + sweep.cycles(steps)
        return Swept(outputs, waves * cycles, waves * (sweep.program.macs + sweep.macs(steps)))

    def _wave(
        self, samples: IntArray, coordinates: Sequence[Coordinate], steps: Sequence[Step]
    ) -> Iterator[tuple[Step | None, IntArray]]:
        """Run all steps on one wave; yield results, first those of the base pass."""
        sweep, session = self.sweep, self._memory.session
        self._memory.load(sweep.chapters[0].stages)
        session.commands(sample_requests(samples, sweep.program.sample_bases[0], sweep.engine))
        base = [(_BASE, Query(stop=len(sweep.program.stages)), sweep.program.output_count)]
        for _, results in session.results(self._requests(0, base, len(samples))):
            yield None, results
        numbered = enumerate(steps)
        for chapter, some in groupby(numbered, lambda item: sweep.places[item[1].run].chapter):
            self._memory.load(sweep.chapters[chapter].stages)
            queries = [(index, *self._query(step, coordinates)) for index, step in some]
            for run, results in session.results(self._requests(chapter, queries, len(samples))):
                yield steps[run.query], results

    def _query(self, step: Step, coordinates: Sequence[Coordinate]) -> tuple[Query, int]:
        """Return the query of a step and how many results it writes."""
        entry = self.sweep.places[step.run].entry
        if step.coordinate is None:
            return Query(entry=entry, stop=entry + step.stop), 0
        query = Query.one_hot(*coordinates[step.coordinate], entry, entry + step.stop)
        return query, len(self.sweep.runs[step.run].outputs)

    def _requests(
        self, chapter: int, queries: Iterable[tuple[int, Query, int]], lanes: int
    ) -> Iterator[PacketRequest]:
        """Yield the packets that run queries of a chapter and read their results."""
        program, session = self.sweep.chapters[chapter], self._memory.session
        outstanding: deque[QueryRun] = deque()
        for index, query, outputs in queries:
            if session.refused:
                break
            if len(outstanding) == MAX_OUTSTANDING_QUERIES:
                yield from read_requests(outstanding.popleft())
            outstanding.append(QueryRun(index, 0, 0, lanes, outputs))
            yield query_request(query, query.resolve(program), lanes, program.sample_bases[0])
        while outstanding:
            yield from read_requests(outstanding.popleft())


def one_hot_outputs(
    device: Device, samples_raw: IntArray, coordinates: Sequence[Coordinate]
) -> IntArray:
    """Return the outputs of all coordinates, from runs of the whole network.

    Parameters
    ----------
    device : :class:`Device`
        Holds a program and its weights.
    samples_raw : int64 array of shape (samples, inputs)
    coordinates : sequence of :class:`Coordinate`

    Returns
    -------
    int64 array of shape (coordinates, samples, outputs)
    """
    blocks: list[list[IntArray]] = [[] for _ in coordinates]
    queries = [Query.one_hot(*coordinate) for coordinate in coordinates]
    for item in device.evaluate(samples_raw, queries):
        blocks[item.query].append(item.outputs_raw)
    return np.stack([np.concatenate(block) for block in blocks])
