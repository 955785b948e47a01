"""Which stage goes wrong: a query replayed with the program cut after each stage.

A cut program is the stages up to one of them, then stages that copy the words which that stage
wrote to the results, unchanged: so the engine shows its own intermediate values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tenzo.sim.comparison import collect, first_difference
from tenzo.sim.slices import read_out
from tenzo.sw.device import Device, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.planning.program_check import output_addresses
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Program, Stage

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StageDifference:
    """First word that differs: written by ``stage`` at ``address`` of lane memory or results."""

    stage: int
    address: int
    to_results: bool
    sample: int
    expected: int
    actual: int


@dataclass(frozen=True)
class CutProgram:
    """A program cut after a stage, and what its queries read out.

    ``queries[i]`` fills all results with the words from ``addresses[i]`` on.
    """

    program: Program
    queries: tuple[Query, ...]
    addresses: tuple[int, ...]


def find_stage(
    expected: Device,
    actual: Device,
    program: Program,
    parameters_raw: IntArray,
    samples_raw: IntArray,
    query: Query,
) -> StageDifference | None:
    """Return the first stage of a query whose outputs differ between two devices.

    Parameters
    ----------
    expected, actual : :class:`Device`
        Both get other programs: load the first one again afterwards.
    program : :class:`Program`
    parameters_raw : int64 of shape (parameter_count,)
    samples_raw : int64 of shape (samples, inputs)
        At most a wave, so that one word is looked for in one lane.
    query : :class:`Query`
        Starts at stage 0.

    Returns
    -------
    None if the replayed query gives equal values everywhere.
    """
    _, _, _, stop = query.resolve(program)
    for stage in range(stop):
        for cut in cut_programs(program, stage, query, expected.engine):
            found = _compare(expected, actual, cut, parameters_raw, samples_raw, stage)
            if found:
                return found
    return None


def cut_programs(
    program: Program, stage: int, query: Query, engine: EngineParameters
) -> Iterator[CutProgram]:
    """Yield the programs that show all words that a stage writes."""
    kept = program.stages[: stage + 1]
    if kept[-1].to_results:
        yield CutProgram(program.with_stages(kept), (replace(query, stop=stage + 1),), (0,))
        return
    words = np.unique(output_addresses(kept[-1]))
    for run in np.split(words, np.flatnonzero(np.diff(words) > 1) + 1):
        size = min(len(run), engine.result_depth)
        starts = [
            min(s, int(run[-1]) + 1 - size) for s in range(int(run[0]), int(run[-1]) + 1, size)
        ]
        room = engine.stage_slots - len(kept)
        for first in range(0, len(starts), room):
            yield _cut(program, kept, starts[first : first + room], size, query, engine)


def _cut(
    program: Program,
    kept: Sequence[Stage],
    starts: Sequence[int],
    size: int,
    query: Query,
    engine: EngineParameters,
) -> CutProgram:
    """Return a cut program that reads ``size`` words from each of some addresses."""
    copies = [read_out(address, size) for address in starts]
    stages = with_waits([*kept, *copies], engine)
    cut = replace(program, stages=(*kept, *stages[len(kept) :]), output_count=size)
    first = replace(query, stop=len(kept) + 1)
    others = [Query(entry=n, stop=n + 1) for n in range(len(kept) + 1, len(stages))]
    return CutProgram(cut, (first, *others), tuple(starts))


def _compare(
    expected: Device,
    actual: Device,
    cut: CutProgram,
    parameters_raw: IntArray,
    samples_raw: IntArray,
    stage: int,
) -> StageDifference | None:
    """Run a cut program on both devices."""

    def run(device: Device) -> list[IntArray]:
        device.load_program(cut.program)
        device.write_parameters(parameters_raw)
        return collect(device, samples_raw, cut.queries)

    found = first_difference(run(expected), run(actual))
    if found is None:
        return None
    to_results = cut.program.stages[stage].to_results
    address = cut.addresses[found.query] + found.address
    return StageDifference(stage, address, to_results, found.sample, found.expected, found.actual)
