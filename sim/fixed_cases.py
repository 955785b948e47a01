"""Fixed small cases: sweeps over fields, and slices of every kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from tenzo.sim.random_cases import Case
from tenzo.sim.slices import (
    index_slice,
    results_through_memory,
    row_slice,
    side_length,
    spread,
)
from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Activation, Program, Stage


def plain_case(engine: EngineParameters) -> Case:
    """Return a small fixed network whose second stage needs no wait, for sweeps over fields."""
    layers = (Layer(5, 24, Dense(), True), Layer(24, 4, Dense(), True))
    program = plan(Network(layers), engine).program
    return _fixed_case(Network(layers), program, [(0, len(program.stages))] * 2, engine)


def slice_cases(engine: EngineParameters) -> Iterator[Case]:
    """Yield a small fixed network with every kind of slice of every stage."""
    form = TensorTrain((2, 3), (3, 2), (1, 2, 1))
    network = Network((Layer(6, 6, form, True, Activation.RELU), Layer(6, 6, form)))
    program = spread(plan(network, engine).program, engine)
    assert program is not None
    ends = results_through_memory(program, engine)
    assert ends is not None
    count = len(program.stages)
    for index, stage in enumerate(program.stages):
        last = index == count - 1
        for kind, part in _slices(ends[0] if last else stage):
            more = [ends[0], part, ends[1]] if last else [part, *program.stages[index + 1 :]]
            stages = with_waits([*program.stages, *more], engine)
            ranges = [(0, count), (count, len(stages))]
            kinds = {f"slice {kind}", "slice last" if last else "slice then more"}
            yield _fixed_case(network, program.with_stages(stages), ranges, engine, kinds)


def _slices(stage: Stage) -> Iterator[tuple[str, Stage]]:
    """Yield a slice of each kind that a stage allows."""
    yield "rows", row_slice(stage, 1, stage.counts[4] - 1)
    for side in ("left", "right"):
        length = side_length(stage, side)
        if length > 1:
            yield side, index_slice(stage, side, length, 1, 1)


def long_case(engine: EngineParameters) -> Case:
    """Return four layers, run whole and in two parts, on waves of which the last is not full."""
    layers = (
        Layer(4, 6, Dense(), True, Activation.RELU),
        Layer(6, 4, TensorTrain((2, 3), (4, 1), (1, 3, 1))),
        Layer(4, 3, Dense(), True),
        Layer(3, 5, Dense()),
    )
    program = plan(Network(layers), engine).program
    count = len(program.stages)
    ranges = [(0, count), (0, 2), (2, count)]
    case = _fixed_case(Network(layers), program, ranges, engine, {"split"})
    samples = np.resize(case.samples_raw, (2 * engine.lane_count + 1, program.input_count))
    kinds = case.kinds | ({"partial wave"} if engine.lane_count > 1 else set())
    queries = tuple(replace(query, epsilon_raw=engine.weight.max_raw) for query in case.queries)
    return replace(case, samples_raw=samples, queries=queries, kinds=kinds)


def table_cases(engine: EngineParameters) -> Iterator[Case]:
    """Yield networks of sine and tanh, results included, if the engine has a table."""
    if not engine.table_units:
        return
    sine, tanh = Activation.SINE, Activation.TANH
    for first, second in ((sine, Activation.NONE), (tanh, sine), (Activation.NONE, tanh)):
        layers = (Layer(3, 9, Dense(), True, first), Layer(9, 4, Dense(), True, second))
        program = plan(Network(layers), engine).program
        yield _fixed_case(Network(layers), program, [(0, 2), (0, 2)], engine)


def one_hot_case(engine: EngineParameters) -> Case:
    """Return one-hot queries on every edge of the parameters, between all other kinds.

    Every pair of working copies is patched after a patch, after a stream and after a clean copy.
    """
    case = plain_case(engine)
    weights, count = case.program.weight_count, case.program.parameter_count
    step = engine.weight.max_raw
    edges = [0, weights - 1, weights, count - 1, weights, 0]
    others = [
        Query(),
        Query(1, 5, 1, Distribution.BINOMIAL, 2),
        Query(-1, 6, 1, first=weights, last=count),
        Query(1, 7, 1, last=0),
    ]
    queries = []
    for other in others:
        queries += [Query.one_hot(address, step) for address in edges]
        queries += [other, *(Query.one_hot(address, -step) for address in edges[:3]), other]
    samples = np.resize(case.samples_raw, (engine.lane_count + 1, case.program.input_count))
    return replace(case, queries=tuple(queries), samples_raw=samples)


def _fixed_case(
    network: Network,
    program: Program,
    ranges: list[tuple[int, int]],
    engine: EngineParameters,
    kinds: Iterable[str] = (),
) -> Case:
    """Return a case with fixed data and one query for each range of stages."""
    source = np.random.default_rng(1)
    weights, values = engine.weight, engine.activation
    return Case(
        network,
        program,
        source.integers(weights.min_raw, weights.max_raw, program.parameter_count),
        source.integers(values.min_raw, values.max_raw, (engine.lane_count, program.input_count)),
        tuple(
            Query(sign=index % 2, seed=index + 1, epsilon_raw=1, entry=entry, stop=stop)
            for index, (entry, stop) in enumerate(ranges)
        ),
        frozenset({"full", *kinds}),
    )
