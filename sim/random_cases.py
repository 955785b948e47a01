"""Random programs with slices, data and queries, for Hypothesis to draw and to shrink."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from hypothesis import assume
from hypothesis import strategies as st

from tenzo.sim.random_networks import networks
from tenzo.sim.slices import (
    index_slice,
    results_through_memory,
    row_slice,
    side_length,
    spread,
)
from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.schedule import program_cycles, with_waits
from tenzo.sw.program import Program, Stage

IntArray = npt.NDArray[np.int64]

MAX_CYCLES = 20_000
"""Longest program that is drawn."""


@dataclass(frozen=True)
class Case:
    """All that golden model and RTL are compared on.

    ``kinds`` names what the case exercises.
    """

    network: Network
    program: Program
    parameters_raw: IntArray
    samples_raw: IntArray
    queries: tuple[Query, ...]
    kinds: frozenset[str]


@st.composite
def cases(draw: st.DrawFn, engine: EngineParameters) -> Case:
    """Draw a network that fits the engine, a program with slices, data and queries."""
    network = draw(networks(engine.result_depth, engine.activations))
    try:
        planned = plan(network, engine)
    except UserError:
        assume(False)
    assume(planned.cycles <= MAX_CYCLES)
    program, ranges, kinds = _extended(draw, planned.program, engine)
    stages, moved = shifted(draw, program.stages, engine)
    program = program.with_stages(_delayed(draw, with_waits(stages, engine)))
    runs = (program_cycles(program, engine, *limits) for limits in ranges)
    assume(max(runs) <= MAX_CYCLES)
    queries = _queries(draw, engine, program, ranges)
    samples = draw(st.integers(1, 2 * engine.lane_count + 1))
    if samples % engine.lane_count:
        kinds.add("partial wave")
    return Case(
        network,
        program,
        draw(raw_values(engine.weight, (program.parameter_count,))),
        draw(raw_values(engine.activation, (samples, program.input_count))),
        queries,
        frozenset(kinds | moved),
    )


def _queries(
    draw: st.DrawFn, engine: EngineParameters, program: Program, ranges: list[tuple[int, int]]
) -> tuple[Query, ...]:
    """Draw a query for each range of stages, in half of the cases some coordinates after them.

    Those are mostly one-hot, on few addresses, so that working copies are patched again and again.
    """
    parameters = program.parameter_count
    queries = [draw(query_strategy(engine, parameters, *limits)) for limits in ranges]
    if draw(st.booleans()):
        return tuple(queries)
    edges = {0, program.weight_count - 1, program.weight_count, parameters - 1}
    anywhere = draw(st.integers(0, parameters - 1))
    addresses = sorted({anywhere, *edges & set(range(parameters))})
    for _ in range(draw(st.integers(2, 6))):
        query = draw(query_strategy(engine, parameters, *draw(st.sampled_from(ranges))))
        if draw(st.integers(0, 4)):
            first = draw(st.sampled_from(addresses))
            kind = Distribution.ONE_HOT
            query = replace(query, distribution=kind, bits=1, first=first, last=first + 1)
        queries.append(query)
    return tuple(queries)


@st.composite
def query_strategy(
    draw: st.DrawFn, engine: EngineParameters, parameters: int, entry: int, stop: int
) -> Query:
    """Draw a query on stages ``entry`` to ``stop - 1``."""
    sign = draw(st.sampled_from([1, -1, 0]))
    distribution = draw(st.sampled_from(Distribution))
    one_bit = distribution in (Distribution.RADEMACHER, Distribution.ONE_HOT)
    if distribution == Distribution.ONE_HOT:
        first = draw(st.one_of(st.just(parameters - 1), st.integers(0, parameters - 1)))
        last = first + 1
    else:
        first = draw(st.one_of(st.just(0), st.integers(0, parameters)))
        last = draw(st.one_of(st.just(parameters), st.integers(first, parameters)))
    limit = engine.weight.max_raw
    return Query(
        sign=sign,
        seed=draw(st.integers(1, (1 << engine.lfsr.width) - 1)),
        epsilon_raw=draw(st.one_of(st.integers(1, max(1, limit // 32)), st.integers(1, limit))),
        distribution=distribution,
        bits=1 if one_bit else draw(st.integers(1, engine.max_bits)),
        first=first,
        last=last,
        entry=entry,
        stop=stop,
    )


@st.composite
def raw_values(draw: st.DrawFn, fmt: Format, shape: tuple[int, ...]) -> IntArray:
    """Draw an array of raw values: of one style, from one seed, so that it shrinks fast."""
    style = draw(st.sampled_from(["small", "uniform", "extreme", "lowest", "highest", "zero"]))
    source = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if style == "small":
        scale = max(1, fmt.max_raw >> 3)
        return source.integers(-scale, scale, shape, endpoint=True)
    if style == "uniform":
        return source.integers(fmt.min_raw, fmt.max_raw, shape, endpoint=True)
    if style == "extreme":
        edges = [fmt.min_raw, fmt.min_raw + 1, -1, 0, 1, fmt.max_raw - 1, fmt.max_raw]
        return source.choice(np.array(edges, dtype=np.int64), shape)
    value = {"lowest": fmt.min_raw, "highest": fmt.max_raw, "zero": 0}[style]
    return np.full(shape, value, dtype=np.int64)


def _extended(
    draw: st.DrawFn, program: Program, engine: EngineParameters
) -> tuple[Program, list[tuple[int, int]], set[str]]:
    """Append slices and return the program, the ranges of stages to run, and what was drawn."""
    count = len(program.stages)
    ranges, kinds = [(0, count)], {"full"}
    if count > 1 and draw(st.integers(0, 3)) == 0:
        split = draw(st.integers(1, count - 1))
        ranges += [(0, split), (split, count)]
        kinds.add("split")
    roomy = spread(program, engine) if draw(st.integers(0, 3)) else None
    base = roomy or program
    stages = list(base.stages)
    for _ in range(draw(st.integers(0, 3))):
        sliceable = range(0 if roomy else count - 1, count)
        kind = draw(st.sampled_from(["left", "right", "rows"]))
        able = [n for n in sliceable if kind != "rows" and side_length(base.stages[n], kind) > 1]
        kind = kind if able else "rows"
        sliced = draw(st.sampled_from(able or sliceable))
        more = draw(_sliced(base, sliced, kind, engine))
        if len(stages) + len(more) > engine.stage_slots or not more:
            continue
        ranges.append((len(stages), len(stages) + len(more)))
        stages += more
        kinds |= {f"slice {kind}", "slice last" if sliced == count - 1 else "slice then more"}
    return base.with_stages(stages), ranges, kinds


@st.composite
def _sliced(
    draw: st.DrawFn, program: Program, index: int, kind: str, engine: EngineParameters
) -> list[Stage]:
    """Draw a slice of a stage and what follows it; nothing if it does not fit."""
    stage = program.stages[index]
    if index < len(program.stages) - 1:
        return [draw(_slice(stage, kind)), *program.stages[index + 1 :]]
    ends = results_through_memory(program, engine)
    return [ends[0], draw(_slice(ends[0], kind)), ends[1]] if ends else []


@st.composite
def _slice(draw: st.DrawFn, stage: Stage, kind: str) -> Stage:
    """Draw a slice of a stage: rows, or one index of a mode inside left or right."""
    if kind == "rows":
        rows = stage.counts[4]
        first = draw(st.integers(0, rows - 1))
        return row_slice(stage, first, draw(st.integers(1, rows - first)))
    length = side_length(stage, kind)
    mode = draw(st.sampled_from([d for d in range(2, length + 1) if length % d == 0]))
    rest = length // mode
    inner = draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
    return index_slice(stage, kind, mode, inner, draw(st.integers(0, mode - 1)))


def shifted(
    draw: st.DrawFn, stages: tuple[Stage, ...], engine: EngineParameters
) -> tuple[list[Stage], set[str]]:
    """Set shifts: near the products' scale, so that values survive, or any at all."""
    anywhere = draw(st.integers(0, 3)) == 0
    changed = []
    for stage in stages:
        scale = engine.weight.width - 1 + max(0, (stage.counts[5] - 1).bit_length() // 2)
        if anywhere:
            shift = draw(st.integers(0, engine.max_shift))
            bias_shift = draw(st.integers(0, engine.max_bias_shift))
        else:
            shift = draw(st.integers(max(0, scale - 4), min(scale + 1, engine.max_shift)))
            bias_shift = draw(st.integers(0, engine.max_bias_shift - 1))
        changed.append(replace(stage, shift=shift, bias_shift=bias_shift))
    return changed, {"any shift"} if anywhere else set()


def _delayed(draw: st.DrawFn, stages: tuple[Stage, ...]) -> list[Stage]:
    """Lengthen some waits: allowed, and counted."""
    if draw(st.integers(0, 3)):
        return list(stages)
    return [replace(s, wait_cycles=s.wait_cycles + draw(st.integers(0, 40))) for s in stages]
