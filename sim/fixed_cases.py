"""Fixed small cases: sweeps over fields, and slices of every kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tenzo.sim.random_cases import Case
from tenzo.sim.slices import index_slice, row_slice, side_length, spread, written_outputs
from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.planner import plan
from tenzo.sw.program import Activation, Program
from tenzo.sw.schedule import with_waits


def plain_case(engine: EngineParameters) -> Case:
    """Return a small fixed network whose second stage needs no wait, for sweeps over fields."""
    layers = (Layer(5, 24, Dense(), True), Layer(24, 4, Dense(), True))
    program = plan(Network(layers), engine).program
    return _fixed_case(Network(layers), program, [(0, len(program.stages))] * 2, engine)


def slice_cases(engine: EngineParameters) -> Iterator[Case]:
    """Yield a small fixed network with every kind of slice of every stage but the last."""
    form = TensorTrain((2, 3), (3, 2), (1, 2, 1))
    network = Network((Layer(6, 6, form, True, Activation.RELU), Layer(6, 6, form)))
    program = spread(plan(network, engine).program, engine)
    assert program is not None
    count = len(program.stages)
    for index, stage in enumerate(program.stages[:-1]):
        parts = {"rows": row_slice(stage, 1, stage.counts[4] - 1)}
        for side in ("left", "right"):
            if side_length(stage, side) > 1:
                parts[side] = index_slice(stage, side, side_length(stage, side), 1, 1)
        for kind, part in parts.items():
            stages = with_waits([*program.stages, part, *program.stages[index + 1 :]], engine)
            ranges = [(0, count), (count, len(stages))]
            kinds = {f"slice {kind}", "slice then more"}
            yield _fixed_case(network, program.with_stages(stages), ranges, engine, kinds)


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
        tuple(tuple(sorted(written_outputs(program.stages[a:b]))) for a, b in ranges),
        frozenset({"full", *kinds}),
    )
