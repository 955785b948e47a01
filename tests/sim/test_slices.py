"""Slices of stages: together they compute what the whole stage computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sim.slices import (
    index_slice,
    read_out,
    results_through_memory,
    row_slice,
    side_length,
    spread,
)
from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.network import Layer, Network, TensorTrain
from tenzo.sw.planning.addressing import addresses
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Program, Stage

ENGINE = EngineParameters(result_depth=24)


def program() -> Program:
    form = TensorTrain((4, 3, 2), (2, 3, 4), (1, 3, 2, 1))
    return plan(Network((Layer(24, 24, form, True), Layer(24, 24, form))), ENGINE).program


def terms(stage: Stage) -> set[tuple[int, int, int, int]]:
    """Input, weight, output and bias address of every term."""
    every = [
        addresses(stage.counts, stage.input_base, stage.input_strides),
        addresses(stage.counts, stage.weight_base, stage.weight_strides),
        addresses(stage.counts, stage.output_base, (*stage.output_strides, 0)),
        addresses(stage.counts, stage.bias_base, (*stage.bias_strides, 0)),
    ]
    return set(zip(*(array.ravel().tolist() for array in every), strict=True))


@pytest.mark.parametrize("index", range(6))
def test_rows_of_a_stage_make_the_whole(index: int) -> None:
    stage = program().stages[index]
    rows = [terms(row_slice(stage, j, 1)) for j in range(stage.counts[4])]
    assert set().union(*rows) == terms(stage)
    assert sum(map(len, rows)) == len(terms(stage))


@given(st.data())
def test_indices_of_a_mode_make_the_whole(data: st.DataObject) -> None:
    sides = [(s, side) for s in program() for side in ("left", "right") if side_length(s, side) > 1]
    stage, side = data.draw(st.sampled_from(sides))
    length = side_length(stage, side)
    mode = data.draw(st.sampled_from([n for n in range(1, length + 1) if length % n == 0]))
    rest = length // mode
    inner = data.draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0]))
    parts = [terms(index_slice(stage, side, mode, inner, i)) for i in range(mode)]
    assert set().union(*parts) == terms(stage)
    assert sum(map(len, parts)) == len(terms(stage))


def test_mode_that_does_not_divide_a_side_is_refused() -> None:
    stage = next(stage for stage in program() if side_length(stage, "right") == 6)
    with pytest.raises(ValueError, match="2 x 2 must divide 6"):
        index_slice(stage, "right", 2, 2, 0)


def test_spread_stages_write_disjoint_regions() -> None:
    roomy = spread(program(), ENGINE)
    assert roomy is not None
    seen: set[int] = set()
    for stage in roomy.stages[:-1]:
        written = set(
            addresses(stage.counts[:5], stage.output_base, stage.output_strides).ravel().tolist()
        )
        assert not written & seen
        seen |= written
    assert max(seen) < ENGINE.lane_depth


def test_spread_needs_room() -> None:
    assert spread(program(), replace(ENGINE, lane_depth=150)) is None


def test_read_out_copies_in_order() -> None:
    copy = read_out(100, 5)
    inputs = addresses(copy.counts, copy.input_base, copy.input_strides).ravel()
    outputs = addresses(copy.counts[:5], copy.output_base, copy.output_strides).ravel()
    assert np.array_equal(inputs, range(100, 105))
    assert np.array_equal(outputs, range(5))
    assert copy.unit_weight


def test_results_through_memory_need_room() -> None:
    used = max(
        stage.output_base + stage.output_count for stage in program() if not stage.to_results
    )
    assert results_through_memory(program(), replace(ENGINE, lane_depth=used + 23)) is None
    ends = results_through_memory(program(), replace(ENGINE, lane_depth=used + 24))
    assert ends is not None
    assert ends[0].output_base == ends[1].input_base == used
