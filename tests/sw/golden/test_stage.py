"""Arithmetic of one stage: rounding, saturation, exactness, odd loop nests."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from tenzo.sw.device import Outputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.golden.stage import EXACT_LIMIT, exact_bound
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Activation, Program, Stage
from tests.sw.golden_programs import ENGINE, dense_stage, one_stage


def evaluate_one(
    engine: EngineParameters, program: Program, parameters: npt.ArrayLike, samples: np.ndarray
) -> Outputs:
    device = GoldenDevice(engine)
    device.load_program(program)
    device.write_parameters(np.asarray(parameters, dtype=np.int64))
    (item,) = device.evaluate(samples, [Query()])
    return item


def test_addresses_that_wrap_around_are_gathered():
    stage = Stage(
        (3, 1, 1, 1, 1, 2),
        2,
        (32767, 0, 0, 0, 0, 1),
        5,
        (32767, 0, 0, 0, 0, 40000),
        0,
        (1, 0, 0, 0, 0),
        shift=3,
        to_results=True,
        sample_input=True,
    )
    rng = np.random.default_rng(1)
    program = one_stage(stage, 50000, 50000)
    samples, weights = rng.integers(-900, 900, (2, 50000)), rng.integers(-900, 900, 50000)
    outputs = evaluate_one(ENGINE, program, weights, samples).outputs_raw
    for i, left in enumerate((0, 32767, 65534)):
        reads = [(2 + left + k) % 65536 for k in range(2)]
        taps = [(5 + left + 40000 * k) % 65536 for k in range(2)]
        exact = samples[:, reads] @ weights[taps]
        assert outputs[:, i].tolist() == ((exact + 4) >> 3).tolist()


@pytest.mark.parametrize("shift", [0, 1, 24, 56])
def test_sums_beyond_float64_are_exact(shift):
    engine = replace(ENGINE, activation=Format(24, 20), weight=Format(18, 14))
    stage = dense_stage(20000, 1, shift=shift)
    assert exact_bound(stage, engine) >= EXACT_LIMIT
    low_x, low_w = engine.activation.min_raw, engine.weight.min_raw
    samples = np.full((1, 20000), low_x)
    weights = np.full(20000, low_w)
    # Halfway but for the last bit, which float64 drops: rounding must still go down.
    samples[0, 0], weights[0] = engine.activation.max_raw, 1
    exact = sum(int(x) * int(w) for x, w in zip(samples[0], weights, strict=True))
    outputs = evaluate_one(engine, one_stage(stage, 20000, 20000), weights, samples).outputs_raw
    assert outputs[0, 0] == min(2**31 - 1, (exact + ((1 << shift) >> 1)) >> shift)


@pytest.mark.parametrize("shift", range(43))
def test_every_shift_rounds_half_up(shift):
    engine = replace(ENGINE, lane_depth=1024)
    assert engine.max_shift == 42
    stage = dense_stage(2, 1, shift=shift, use_bias=True, bias_shift=16)
    samples = np.array([[x, y] for x in (-32768, -3, 0, 1, 32767) for y in (-32768, -1, 2, 32767)])
    program = one_stage(stage, 2, 2, 1)
    outputs = evaluate_one(engine, program, [-32768, 32767, 12345], samples).outputs_raw[:, 0]
    exact = samples @ [-32768, 32767] + (12345 << 16)
    assert outputs.tolist() == [
        max(-(2**31), min(2**31 - 1, (int(e) + ((1 << shift) >> 1)) >> shift)) for e in exact
    ]


@pytest.mark.parametrize(
    ("value", "shift", "expected", "saturated"),
    [
        (127, 0, 127, 0),
        (128, 0, 127, 1),
        (-128, 0, -128, 0),
        (-129, 0, -128, 1),
        (254, 1, 127, 0),
        (255, 1, 127, 1),  # 127.5 rounds to 128
        (-257, 1, -128, 0),  # -128.5 rounds to -128
        (-258, 1, -128, 1),
    ],
)
def test_saturation_begins_one_step_beyond_the_format(value, shift, expected, saturated):
    engine = replace(ENGINE, activation=Format(8, 4), weight=Format(16, 4))
    first = replace(dense_stage(1, 1, to_results=False, shift=shift), output_base=5)
    copy = dense_stage(1, 1, unit_weight=True, sample_input=False)
    stages = with_waits([first, replace(copy, input_base=5)], engine)
    program = Program(stages, 1, 0, 1, (0,), 1, 0)
    device = GoldenDevice(engine)
    device.load_program(program)
    device.write_parameters(np.array([value]))
    (item,) = device.evaluate(np.array([[1]]), [Query()])
    assert item.outputs_raw.tolist() == [[expected]]
    assert device.read_counters().saturations.tolist() == [saturated, 0]


def test_unit_weights_sum_the_input():
    stage = dense_stage(4, 1, unit_weight=True, activation=Activation.RELU)
    samples = np.array([[1, 2, 3, 4], [-5, 1, 1, 1]])
    outputs = evaluate_one(ENGINE, one_stage(stage, 4, 1), [77], samples).outputs_raw
    assert outputs.tolist() == [[10], [0]]
