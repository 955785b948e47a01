"""Sweeps on an engine: descriptors that evaluate each parameter alone, by slices.

A row of parameters has a *run*: the slice of its own stage, then what changes after it. Inputs of
all stages stay in lane memory, where a run overwrites what it changes; the next parameter of the
row overwrites the same words. So a row restores the words of its own stage once, by an unperturbed
run of its own slice; rows that change the same words after it are a *group*, which restores these
once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.planning.delta import Deltas, Row
from tenzo.sw.planning.kept import keep_all
from tenzo.sw.planning.memory_map import need
from tenzo.sw.planning.program_check import output_addresses
from tenzo.sw.planning.schedule import program_cycles, with_waits
from tenzo.sw.program import Program, Stage

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """What the parameters of one row run.

    Parameters
    ----------
    first_address, count : :class:`int`
        Parameter address of the first one; how many.
    group : :class:`int`
        Rows of a group change the same words after their own stage.
    stages : tuple of :class:`Stage`
        The slices, without waits. The last one writes the results that change, packed.
    outputs : int64 array
        Which results these are, in the order in which they are packed.
    """

    first_address: int
    count: int
    group: int
    stages: tuple[Stage, ...]
    outputs: IntArray

    @property
    def kept(self) -> int:
        """How many of its stages write words that must be restored: all but the last."""
        return len(self.stages) - 1

    def macs(self, stop: int) -> int:
        """Return the multiply-accumulates per sample of the first ``stop`` stages."""
        return sum(stage.macs for stage in self.stages[:stop])


class Step(NamedTuple):
    """One query of a sweep.

    Parameters
    ----------
    run : :class:`int`
        Index of the :class:`Run`.
    coordinate : :class:`int` or None
        Index of the coordinate; None restores, with unperturbed parameters.
    stop : :class:`int`
        How many stages of the run; with a coordinate all of them.
    """

    run: int
    coordinate: int | None
    stop: int


class Place(NamedTuple):
    """Where a run lies: chapter, and slot of its first stage."""

    chapter: int
    entry: int


@dataclass(frozen=True)
class SweepCost:
    """What one sweep over all parameters costs an engine, per wave.

    Parameters
    ----------
    macs, restore_macs : :class:`int`
        Multiply-accumulates per sample after the base pass; those of them that restore.
    lane_words : :class:`int`
        Words that a lane needs to keep the inputs of all stages.
    obstacle : :class:`str`
        Why the engine evaluates the whole network for every parameter instead; empty if it does
        not.
    """

    macs: int
    restore_macs: int
    lane_words: int
    obstacle: str


class SweepProgram:
    """Runs of all rows of a program, and how they share the program memory of an engine.

    Parameters
    ----------
    program : :class:`Program`
        Made by the planner.
    engine : :class:`EngineParameters`

    Raises
    ------
    UserError
        If the inputs of all stages do not fit a lane, or a stage is not a plain product.
    """

    def __init__(self, program: Program, engine: EngineParameters) -> None:
        kept = keep_all(program)
        need("lane memory", "words", kept_words(kept), engine.lane_depth, "lane_depth")
        self.engine = engine
        self.program = kept.with_stages(with_waits(kept.stages, engine))
        self.runs = _runs(Deltas(kept))
        order = sorted((run.first_address, index) for index, run in enumerate(self.runs))
        self._first_addresses = [address for address, _ in order]
        self._by_address = [index for _, index in order]

    def steps(self, addresses: Iterable[int]) -> Iterator[Step]:
        """Yield the queries that evaluate parameters on one wave, after the base pass.

        Rows are visited group by group; only rows that hold one of the parameters run, and restore
        what they changed.

        Parameters
        ----------
        addresses : iterable of :class:`int`
            Parameter addresses in any order, repeated or not.
        """
        asked: dict[int, list[int]] = {}
        for coordinate, address in enumerate(addresses):
            row = bisect_right(self._first_addresses, address) - 1
            asked.setdefault(self._by_address[row], []).append(coordinate)
        visited = sorted(asked)
        for index, following in zip_longest(visited, visited[1:]):
            run = self.runs[index]
            for coordinate in asked[index]:
                yield Step(index, coordinate, len(run.stages))
            ends = following is None or self.runs[following].group != run.group
            stop = run.kept if ends else min(run.kept, 1)
            if stop:
                yield Step(index, None, stop)

    def macs(self, steps: Iterable[Step]) -> int:
        """Return the multiply-accumulates per sample of some steps."""
        return sum(self.runs[step.run].macs(step.stop) for step in steps)

    def cycles(self, steps: Iterable[Step]) -> int:
        """Return the cycles of some steps; ``run_cycles`` of the engine is this number."""
        return sum(self._step_cycles(step.run, step.stop) for step in steps)

    def _step_cycles(self, run: int, stop: int) -> int:
        chapter, entry = self.places[run]
        return program_cycles(self.chapters[chapter], self.engine, entry, entry + stop)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where each run lies. The whole program begins chapter 0."""
        places = []
        chapter, used = 0, len(self.program.stages)
        for run in self.runs:
            if used + len(run.stages) > self.engine.stage_slots:
                chapter, used = chapter + 1, 0
            places.append(Place(chapter, used))
            used += len(run.stages)
        return tuple(places)

    @cached_property
    def chapters(self) -> tuple[Program, ...]:
        """Programs to load one after the other, with waits; lane memory stays as it is."""
        chapters = [list(self.program.stages)]
        for run, place in zip(self.runs, self.places, strict=True):
            if place.chapter == len(chapters):
                chapters.append([])
            chapters[-1] += with_waits(run.stages, self.engine)
        return tuple(map(self.program.with_stages, chapters))


def sweep_cost(program: Program, engine: EngineParameters) -> SweepCost:
    """Return what a sweep over all parameters costs; arguments as of :class:`SweepProgram`."""
    words = 0
    try:
        words = kept_words(keep_all(program))
        sweep = SweepProgram(program, engine)
    except UserError as error:
        return SweepCost(program.parameter_count * program.macs, 0, words, str(error))
    steps = list(sweep.steps(range(program.parameter_count)))
    restoring = sweep.macs(step for step in steps if step.coordinate is None)
    return SweepCost(sweep.macs(steps), restoring, words, "")


def sweep_cycles(program: Program, engine: EngineParameters) -> int:
    """Return the cycles of a sweep over all parameters on one wave, without the base pass."""
    try:
        sweep = SweepProgram(program, engine)
    except UserError:
        return program.parameter_count * program_cycles(program, engine)
    return sweep.cycles(sweep.steps(range(program.parameter_count)))


def kept_words(kept: Program) -> int:
    """Return the words of a lane that a program from :func:`keep_all` uses."""
    ends = [base + kept.input_count for base in kept.sample_bases]
    ends += [int(output_addresses(s).max()) + 1 for s in kept.stages if not s.to_results]
    return max(ends)


def _runs(deltas: Deltas) -> tuple[Run, ...]:
    """Return the runs of all rows, group by group."""
    groups: dict[object, list[Row]] = {}
    for row in deltas.rows:
        changed = tuple((part.left, part.right) for part in row.chain)
        groups.setdefault((row.own.stage, changed), []).append(row)
    return tuple(
        _run(deltas.program, row, group)
        for group, rows in enumerate(groups.values())
        for row in rows
    )


def _run(program: Program, row: Row, group: int) -> Run:
    """Return the run of one row."""
    slices = (row.own, *row.chain)
    *stages, last = (part.nest(program.stages[part.stage]) for part in slices)
    packed = replace(last, output_base=0, output_strides=_packed_strides(last.counts[:5]))
    return Run(row.first_address, row.count, group, (*stages, packed), output_addresses(last))


def _packed_strides(counts: Sequence[int]) -> tuple[int, int, int, int, int]:
    """Return the strides of outputs that follow one another in the order of the loops."""
    strides = [1]
    for count in reversed(counts[1:]):
        strides.insert(0, strides[0] * count)
    first, second, third, fourth, fifth = strides
    return first, second, third, fourth, fifth
