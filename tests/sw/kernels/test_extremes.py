"""Compiled kernels where sums are largest, rounding is closest and saturation begins."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tenzo.sim.slices import row_slice
from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Activation, Program, Stage
from tests.sw.golden_programs import ENGINE, dense_stage, one_stage
from tests.sw.kernels.agreement import Agreement

WIDTHS = [(4, 4), (5, 18), (8, 8), (15, 16), (16, 15), (16, 16), (16, 17), (17, 16), (24, 18)]


def engine_of(activation: int, weight: int) -> EngineParameters:
    return replace(
        ENGINE,
        activation=Format(activation, activation - 1),
        weight=Format(weight, weight - 1),
        lane_count=5,
        table_units=1,
        table_frac_bits=activation,
        table_segment_bits=min(5, activation - 1),
    )


def through_memory(stage: Stage, engine: EngineParameters) -> Program:
    """A stage that writes lane memory, and one that copies what it wrote to the results."""
    first = replace(stage, to_results=False, output_base=60000)
    count = stage.output_count
    copy = Stage(
        (1, 1, 1, count, 1, 1),
        60000,
        (0, 0, 0, 1, 0, 0),
        0,
        (0,) * 6,
        0,
        (0, 0, 0, 1, 0),
        shift=0,
        unit_weight=True,
        to_results=True,
    )
    inputs, weights = stage.counts[5], stage.counts[4] * stage.counts[5]
    biases = count if stage.use_bias else 0
    return Program(with_waits([first, copy], engine), weights, biases, inputs, (0,), count, 0)


@pytest.mark.parametrize(("activation", "weight"), WIDTHS)
@pytest.mark.parametrize("terms", [1, 2, 3, 4, 5, 16, 33])
def test_the_lowest_values_everywhere_agree(activation, weight, terms):
    engine = engine_of(activation, weight)
    agreement = Agreement(engine)
    low_x, low_w = engine.activation.min_raw, engine.weight.min_raw
    high_x, high_w = engine.activation.max_raw, engine.weight.max_raw
    batch = 65
    for x, w in product((low_x, high_x), (low_w, high_w)):
        samples = np.full((batch, terms), x)
        samples[-1] = -1 - x
        for rows, shift in product((1, 3, 4), (0, 1, weight - 1, engine.max_shift)):
            stage = dense_stage(terms, rows, shift=shift)
            parameters = np.full(rows * terms, w)
            agreement.check(one_stage(stage, terms, rows * terms), parameters, samples)
            agreement.check(through_memory(stage, engine), parameters, samples)


@pytest.mark.parametrize(("activation", "weight"), [(16, 16), (8, 8), (24, 18)])
@pytest.mark.parametrize("terms", [783, 784, 4096])
def test_long_sums_agree(activation, weight, terms):
    engine = engine_of(activation, weight)
    rng = np.random.default_rng(terms)
    rows, x, w = 5, engine.activation, engine.weight
    draws = {
        "lowest": lambda number, shape: np.full(shape, number.min_raw),
        "signs": lambda number, shape: rng.choice([number.min_raw, number.max_raw], shape),
        "uniform": lambda number, shape: rng.integers(number.min_raw, number.max_raw + 1, shape),
        "small": lambda number, shape: rng.integers(-3, 4, shape),
    }
    agreement = Agreement(engine)
    for first, second in product(draws.values(), repeat=2):
        samples, weights = first(x, (67, terms)), second(w, (rows * terms,))
        for shift in (0, w.width - 1, w.width + 7):
            stage = dense_stage(terms, rows, shift=shift)
            agreement.check(one_stage(stage, terms, rows * terms), weights, samples)
            agreement.check(through_memory(stage, engine), weights, samples)


@pytest.mark.parametrize("quiet", [0, 1, 500])
def test_one_loud_sample_among_quiet_ones_agrees(quiet):
    # Kernels look at the largest input of a block of samples: the loud one must not be missed.
    engine = engine_of(16, 16)
    agreement = Agreement(engine)
    stage = dense_stage(8, 6, shift=15)
    program = through_memory(stage, engine)
    weights = np.full(48, engine.weight.min_raw)
    for place in (0, 1, 63, 64, 127, 128, 129):
        samples = np.full((130, 8), quiet)
        samples[place] = engine.activation.min_raw
        agreement.check(program, weights, samples)


def two_layers(engine: EngineParameters) -> Program:
    """8 values to 8 in lane memory, those to 4 results; then the second row of the first alone."""
    first = replace(dense_stage(8, 8, shift=15, to_results=False), output_base=60000)
    last = dense_stage(8, 4, shift=15, sample_input=False)
    last = replace(last, input_base=60000, weight_base=64)
    stages = with_waits([first, last, row_slice(first, 1, 1), last], engine)
    return Program(stages, 96, 0, 8, (0,), 4, 0)


@pytest.mark.parametrize("batch", [1, 3, 64, 130])
def test_a_quiet_slice_beside_loud_values_agrees(batch):
    # The slice writes zeros over zeros; the loud values of the other rows stay in the lanes.
    engine = engine_of(16, 16)
    weights = np.full(96, engine.weight.min_raw)
    weights[8:16] = 0
    samples = np.full((batch, 8), engine.activation.min_raw)
    drawn = [Query(stop=2), Query(entry=2), Query(entry=1, stop=2), Query(entry=2)]
    _, counters = Agreement(engine).check(two_layers(engine), weights, samples, drawn)
    assert counters.saturations[0] == 7 * batch


@pytest.mark.parametrize("written", [-32768, 32767, -32767, 32766])
@pytest.mark.parametrize("weights", [(-32768, -32768), (-32768, -32768, -3), (32767, 32767, 2)])
def test_inputs_at_a_limit_of_the_format_count_in_full(written, weights):
    # 65,536 times 32,768 is the first sum that 32 bits do not hold.
    engine = engine_of(16, 16)
    samples = np.full((3, 8), -1)
    samples[:, 0] = written
    parameters = np.zeros(96, dtype=np.int64)
    parameters[0:64:8] = 32767  # each row: the first sample, all but
    parameters[64:96] = np.tile([*weights, *[0] * (8 - len(weights))], 4)
    program = two_layers(engine)
    for first_shift, shift in product((0, 14, 15), (0, 1, 15)):
        first, last = program.stages[:2]
        stages = (replace(first, shift=first_shift), replace(last, shift=shift))
        Agreement(engine).check(
            program.with_stages(with_waits(stages, engine)), parameters, samples
        )


@pytest.mark.parametrize("place", [0, 63, 64, 129])
def test_one_loud_sample_in_lane_memory_agrees(place):
    engine = engine_of(16, 16)
    samples = np.random.default_rng(place).integers(-2, 3, (130, 8))
    samples[place] = engine.activation.min_raw
    weights = np.full(96, engine.weight.min_raw)
    Agreement(engine).check(two_layers(engine), weights, samples, [Query(stop=2)])


@pytest.mark.parametrize("shift", range(43))
@pytest.mark.parametrize("bias_shift", [0, 16])
def test_every_shift_rounds_half_up(shift, bias_shift):
    engine = replace(ENGINE, lane_depth=1024)
    assert engine.max_shift == 42
    edges = (-32768, -3, -1, 0, 1, 2, 32767)
    samples = np.array(list(product(edges, repeat=2)))
    stage = dense_stage(2, 3, shift=shift, use_bias=True, bias_shift=bias_shift)
    program = one_stage(stage, 2, 6, 1)
    parameters = [-32768, 32767, 1, 1, 1, -1, 12345]
    Agreement(engine).check(program, parameters, samples)
    roomy = replace(ENGINE, lane_depth=65535)
    wide = replace(through_memory(stage, roomy), bias_count=1)
    Agreement(roomy).check(wide, parameters, samples)


def limit_cases(limit: int, shift: int) -> list[tuple[int, int]]:
    """Sums around both limits of a width, and whether each saturates."""
    half = (1 << shift) >> 1
    highest = ((limit + 1) << shift) - 1 - half
    lowest = (-(limit + 1) << shift) - half
    return [(highest, 0), (highest + 1, 1), (lowest, 0), (lowest - 1, 1)]


@pytest.mark.parametrize("batch", [1, 3, 63, 65])
@pytest.mark.parametrize("shift", [0, 1, 5, 14])
def test_saturation_begins_one_beyond_the_limit_and_padding_is_not_counted(batch, shift):
    engine = engine_of(16, 16)
    agreement = Agreement(engine)
    for total, saturated in limit_cases(32767, shift):
        coarse, fine = divmod(total, 1 << 15)
        stage = dense_stage(2, 1, shift=shift, use_bias=True)
        parameters = [-coarse, fine // 2, fine % 2]  # two weights and a bias
        samples = np.tile([-32768, 2], (batch, 1))
        _, counters = agreement.check(through_memory(stage, engine), parameters, samples)
        assert counters.saturations.tolist() == [saturated * batch, 0]


@pytest.mark.parametrize("batch", [1, 65])
def test_results_of_32_bits_saturate_one_beyond_the_limit(batch):
    engine = engine_of(16, 16)
    agreement = Agreement(engine)
    ones = np.ones((batch, 3), dtype=np.int64)
    low = engine.weight.min_raw
    stage = dense_stage(3, 1, shift=0, use_bias=True)
    program = one_stage(stage, 3, 3, 1)
    for sign, last, saturated in ((1, -1, 0), (1, 0, 1), (-1, 0, 0), (-1, -1, 1)):
        # sign * 2 * 2^30 + last
        samples = ones * [[low, low, 1]]
        weights = [low, low, last] if sign > 0 else [32767, 32767, last]
        bias = 0 if sign > 0 else -65536 // 2
        shifted = replace(stage, bias_shift=0 if sign > 0 else 1)
        _, counters = agreement.check(
            replace(program, stages=(shifted,)), [*weights, bias], samples
        )
        assert counters.saturations.tolist() == [saturated * batch]


@pytest.mark.parametrize("batch", [1, 3, 63, 64, 65, 130])
def test_values_saturated_by_the_bias_alone_are_counted_once_a_sample(batch):
    engine = engine_of(16, 16)
    stage = dense_stage(3, 4, shift=0, use_bias=True, bias_shift=16, bias_strides=(0, 0, 0, 0, 1))
    parameters = [0] * 12 + [32767, -32768, 0, 1]
    program = through_memory(stage, engine)
    _, counters = Agreement(engine).check(program, parameters, np.zeros((batch, 3), np.int64))
    assert counters.saturations.tolist() == [3 * batch, 0]


@pytest.mark.parametrize("activation", list(Activation))
def test_saturation_is_counted_before_the_activation(activation):
    engine = engine_of(16, 16)
    stage = dense_stage(1, 2, shift=0, activation=activation)
    program = through_memory(stage, engine)
    samples = np.array([[-32768], [32767], [1]])
    _, counters = Agreement(engine).check(program, [32767, -32768], samples)
    assert counters.saturations.tolist() == [4, 0]


def test_saturated_parameters_are_counted_once_a_query_and_wave():
    engine = engine_of(16, 16)
    stage = dense_stage(4, 16, shift=15)
    program = one_stage(stage, 4, 64)
    drawn = [Query(sign, seed, 32767) for sign in (1, -1) for seed in (1, 2, 3)]
    weights = [32767, -32768] * 32
    samples = np.ones((66, 4), dtype=np.int64)
    _, counters = Agreement(engine).check(program, weights, samples, drawn)
    assert counters.weight_saturations > 0
    assert counters.queries == 14 * len(drawn)


def test_weights_and_inputs_that_move_with_every_counter_agree():
    engine = engine_of(16, 16)
    rng = np.random.default_rng(3)
    agreement = Agreement(engine)
    for seed in range(30):
        strides = rng.integers(0, 4, 12).tolist()
        if seed % 3 == 0:
            strides = [stride - 65536 for stride in strides]
        stage = Stage(
            (2, 2, 3, 5, 3, 7),
            0,
            tuple(strides[:6]),
            0,
            tuple(strides[6:]),
            0,
            (90, 45, 15, 3, 1),
            shift=int(rng.integers(0, 18)),
            to_results=True,
            sample_input=True,
        )
        wide = replace(engine, result_depth=256)
        agreement = Agreement(wide)
        samples = rng.integers(-32768, 32768, (7, 64))
        agreement.check(one_stage(stage, 64, 64), rng.integers(-32768, 32768, 64), samples)
