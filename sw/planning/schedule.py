"""When stages run: idle cycles that keep reads behind writes, and the length of a program.

Everything happens on one timeline, the issue of terms; :mod:`tenzo.sw.timing` says when the memory
is read and written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tenzo.sw.engine import EngineParameters
from tenzo.sw.planning.addressing import IntArray, iteration_addresses
from tenzo.sw.program import ADDRESS_MODULUS, Program, Stage
from tenzo.sw.timing import (
    PREFETCH_CYCLES,
    drain_cycles,
    finish_distance,
    output_cycles,
    read_after_write,
)


def issue_slots(stage: Stage, engine: EngineParameters) -> int:
    """Return the cycles that a stage occupies the sequencer: outputs times their cycles."""
    return stage.output_count * _period(stage, engine)


def _period(stage: Stage, engine: EngineParameters) -> int:
    """Return the slots of one output: max(K, S), or max(K, S * Q) with sine or tanh."""
    return output_cycles(engine, stage.counts[5], stage.activation.uses_table)


def with_waits(stages: Sequence[Stage], engine: EngineParameters) -> tuple[Stage, ...]:
    """Return the stages with the least ``wait_cycles`` that keep them correct.

    Stages start as early as their order allows, but no term reads a word of lane memory before an
    earlier stage has written it, no two outputs are written at the same time, and first issues of
    consecutive stages are at least ``PREFETCH_CYCLES`` apart. The result holds for every range
    entry..stop of the program as well: leaving out stages at the front only removes writes.

    Samples are no hazard: they are written before the query starts. A stage must not read a word
    that it writes itself; :func:`~tenzo.sw.planning.program_check.check_program` refuses
    such a stage.

    Parameters
    ----------
    stages : sequence of :class:`Stage`
        Any loop nests, slices included. Their ``wait_cycles`` are ignored.
    engine : :class:`EngineParameters`
    """
    scheduled: list[Stage] = []
    starts: list[int] = []
    for stage in stages:
        wait = 0
        if scheduled:
            free = starts[-1] + issue_slots(scheduled[-1], engine)
            earliest = max(
                free,
                starts[-1] + PREFETCH_CYCLES,
                free + _apart(scheduled[-1], stage, engine) - _period(stage, engine),
            )
            start = _start_after_writes(stage, earliest, scheduled, starts, engine)
            wait = start - free
            starts.append(start)
        else:
            starts.append(0)
        scheduled.append(replace(stage, wait_cycles=wait))
    return tuple(scheduled)


def program_cycles(
    program: Program, engine: EngineParameters, entry: int = 0, stop: int | None = None
) -> int:
    """Return the cycles of one run, from the first issue to the last write, both included.

    They are the issue slots and idle cycles of the stages entry..stop-1, without those before the
    first of them, and the drain of the pipeline. ``run_cycles`` of the engine is this number.
    """
    stages = program.stages[entry:stop]
    waits = sum(stage.wait_cycles for stage in stages[1:])
    return sum(issue_slots(stage, engine) for stage in stages) + waits + drain_cycles(engine)


def program_macs(program: Program, entry: int = 0, stop: int | None = None) -> int:
    """Return the terms issued in one run; ``mac_cycles`` of the engine is this number."""
    return sum(stage.macs for stage in program.stages[entry:stop])


def _apart(before: Stage, after: Stage, engine: EngineParameters) -> int:
    """Return the least cycles between the last output of one stage and the first of the next."""
    return finish_distance(engine, before.activation.uses_table, after.activation.uses_table)


def _start_after_writes(
    stage: Stage,
    earliest: int,
    scheduled: Sequence[Stage],
    starts: Sequence[int],
    engine: EngineParameters,
) -> int:
    """Return the first cycle at or after ``earliest`` in which a stage may start."""
    if stage.sample_input:
        return earliest
    distance = read_after_write(engine, engine.table_units > 0)
    ready = _ready_cycles(earliest - distance, scheduled, starts, engine)
    if ready is None:
        return earliest
    offsets, addresses = _first_reads(stage, distance, engine)
    return max(earliest, int((ready[addresses] - offsets).max()))


def _ready_cycles(
    since: int, scheduled: Sequence[Stage], starts: Sequence[int], engine: EngineParameters
) -> IntArray | None:
    """Return, per address, the first cycle in which a term that reads it may be issued.

    Only outputs whose last term is issued after cycle ``since`` are looked at; None if there are
    none, and very early for addresses that none of them writes.
    """
    ready: IntArray | None = None
    for stage, start in zip(reversed(scheduled), reversed(starts), strict=True):
        if start + issue_slots(stage, engine) <= since:
            break
        if stage.to_results:
            continue
        cycles, addresses = _last_writes(stage, start, since, engine)
        if ready is None:
            ready = np.full(ADDRESS_MODULUS, -(1 << 62), dtype=np.int64)
        distance = read_after_write(engine, stage.activation.uses_table)
        np.maximum.at(ready, addresses, cycles + distance)
    return ready


def _first_reads(stage: Stage, horizon: int, engine: EngineParameters) -> tuple[IntArray, IntArray]:
    """Return offset and address of the terms issued in the first ``horizon`` cycles of a stage."""
    terms = stage.counts[5]
    period = _period(stage, engine)
    offsets = np.arange(min(horizon, issue_slots(stage, engine)), dtype=np.int64)
    offsets = offsets[offsets % period >= period - terms]
    iterations = offsets // period * terms + offsets % period - (period - terms)
    return offsets, iteration_addresses(
        iterations, stage.counts, stage.input_base, stage.input_strides
    )


def _last_writes(
    stage: Stage, start: int, since: int, engine: EngineParameters
) -> tuple[IntArray, IntArray]:
    """Return last issue and address of the outputs whose last term is issued after ``since``."""
    period = _period(stage, engine)
    first = max(0, -(-(since + 1 - start - (period - 1)) // period))
    outputs = np.arange(min(first, stage.output_count), stage.output_count, dtype=np.int64)
    cycles = start + outputs * period + period - 1
    return cycles, iteration_addresses(
        outputs, stage.counts[:5], stage.output_base, stage.output_strides
    )
