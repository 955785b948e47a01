"""Calibrated shifts: head-room on the samples looked at, and no bit wasted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.golden.device import GoldenDevice, StageTrace
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.calibration import calibrate
from tenzo.sw.planning.planner import plan, shift_range
from tenzo.sw.program import Activation
from tests.sw.network_cases import DIGITS, networks

ENGINE = EngineParameters(lane_depth=4096, weight_depth=4096, bias_depth=1024, result_depth=256)


def traces(
    network: Network, engine: EngineParameters, raw: np.ndarray, samples: np.ndarray, shifts: tuple
) -> list[StageTrace]:
    device = GoldenDevice(engine)
    device.load_program(plan(network, engine, shifts).program)
    device.write_parameters(raw)
    found = device.trace(samples, Query())
    return found


def peaks(found: list[StageTrace]) -> list[int]:
    return [int(np.abs(trace.values_raw).max()) for trace in found]


@given(networks(), st.integers(0, 2**32 - 1), st.integers(0, 2), st.sampled_from([1.0, 0.05]))
def test_shifts_are_the_least_with_head_room(network, seed, headroom, scale):
    network = Network(tuple(replace(layer, activation=Activation.NONE) for layer in network.layers))
    raw = ENGINE.weight.quantize(initial_vector(network, seed))
    samples = ENGINE.activation.quantize(
        np.random.default_rng(seed).normal(size=(5, network.inputs)) * scale
    )
    shifts = calibrate(network, ENGINE, raw, samples, headroom, result_headroom := headroom + 2)
    stages = plan(network, ENGINE, shifts).stages
    found = peaks(traces(network, ENGINE, raw, samples, shifts))
    assume(all(found))
    for stage, peak in zip(stages, found, strict=True):
        limit = 1 << (31 - result_headroom if stage.last else 15 - headroom)
        low, high, _ = shift_range(stage.input_frac_bits, ENGINE, stage.last)
        assert low <= stage.shift <= high
        assert peak < limit or stage.shift == high or peak == limit  # -limit is within the format
        assert 2 * peak + 2 >= limit or stage.shift == low


def digits_case(scale: float) -> tuple[np.ndarray, np.ndarray]:
    raw = ENGINE.weight.quantize(initial_vector(DIGITS, 1))
    return raw, ENGINE.activation.quantize(np.random.default_rng(1).random((300, 64)) * scale)


def test_calibrated_stages_do_not_saturate():
    raw, samples = digits_case(1.0)
    device = GoldenDevice(ENGINE)
    device.load_program(plan(DIGITS, ENGINE, calibrate(DIGITS, ENGINE, raw, samples)).program)
    device.write_parameters(raw)
    list(device.evaluate(samples, [Query()]))
    assert not device.read_counters().saturations.any()


def test_one_sample_may_decide():
    raw, samples = digits_case(0.5)
    shifts = calibrate(DIGITS, ENGINE, raw, samples)
    samples[-1] = ENGINE.activation.max_raw
    assert calibrate(DIGITS, ENGINE, raw, samples) != shifts


@pytest.mark.parametrize("headroom", [4, 8])
def test_head_room_may_exceed_a_narrow_format(headroom):
    engine = replace(ENGINE, activation=Format(5, 3))
    raw, _ = digits_case(1.0)
    shifts = calibrate(DIGITS, engine, raw, np.full((1, 64), 15), headroom)
    assert plan(DIGITS, engine, shifts).shifts == shifts


def test_more_head_room_gives_larger_shifts():
    raw, samples = digits_case(1.0)
    narrow = calibrate(DIGITS, ENGINE, raw, samples, 0)
    wide = calibrate(DIGITS, ENGINE, raw, samples, 1)
    assert wide[0] == narrow[0] + 1


def test_stages_without_a_signal_keep_their_default():
    raw, samples = digits_case(0.0)
    assert calibrate(DIGITS, ENGINE, raw, samples) == plan(DIGITS, ENGINE).shifts


def test_tiny_signals_stay_within_the_fractional_bits_of_a_bias():
    raw, samples = digits_case(0.0)
    samples[0, 0] = 1
    planned = plan(DIGITS, ENGINE, calibrate(DIGITS, ENGINE, raw, samples))
    assert planned.stages[0].output_frac_bits == ENGINE.max_bias_shift


def test_fine_activations_keep_results_in_range():
    engine = replace(ENGINE, activation=Format(24, 20))
    raw = engine.weight.quantize(initial_vector(DIGITS, 1))
    samples = engine.activation.quantize(np.random.default_rng(1).random((64, 64)) * 7)
    shifts = calibrate(DIGITS, engine, raw, samples)
    found = traces(DIGITS, engine, raw, samples, shifts)
    assert np.abs(found[-1].values_raw).max() < 1 << 30
    assert shifts[-1] > 0


@pytest.mark.parametrize(
    ("samples", "headroom", "message"),
    [
        (np.zeros((0, 64), dtype=np.int64), 1, r"calibration needs 1 to \d+ samples, not 0"),
        (np.zeros((1, 64), dtype=np.int64), 9, "headroom_bits must be 0 to 8, not 9"),
        (
            np.broadcast_to(np.zeros(64, dtype=np.int64), (10**6, 64)),
            1,
            r"calibration needs 1 to \d+ samples, not 1000000",
        ),
    ],
)
def test_wrong_arguments_are_errors(samples, headroom, message):
    with pytest.raises(UserError, match=message):
        calibrate(DIGITS, ENGINE, digits_case(1.0)[0], samples, headroom)


def function_case(function: Activation) -> tuple[Network, np.ndarray, np.ndarray]:
    """Two inputs that are summed and are the argument of a function: 3 at most."""
    network = Network((Layer(2, 1, Dense(), False, function), Layer(1, 1, Dense())))
    raw = np.array([16384, 16384, 16384])
    return network, raw, ENGINE.activation.quantize([[1.0, 2.0], [-0.5, 0.25]])


@pytest.mark.parametrize("function", [Activation.SINE, Activation.TANH])
def test_arguments_keep_the_format_of_the_table(function):
    engine = replace(ENGINE, table_units=1, table_frac_bits=13)
    network, raw, samples = function_case(function)
    shifts = calibrate(network, engine, raw, samples)
    assert shifts[0] == plan(network, engine).shifts[0] == 14
    (first, _) = traces(network, engine, raw, samples, shifts)
    exact = {Activation.SINE: np.sin, Activation.TANH: np.tanh}[function]([3, -0.25])
    assert np.abs(first.values_raw[:, 0] / 2**14 - exact).max() < 1.1 / 2**14


def test_an_argument_beyond_the_table_is_refused():
    engine = replace(ENGINE, table_units=1, table_frac_bits=15)
    network, raw, samples = function_case(Activation.SINE)
    sentence = (
        "an argument of sine in layer 0 reaches 3, but the engine's table ends at 1: set the "
        "engine's table_frac_bits to 13 or less, or make the samples or the initial weights smaller"
    )
    with pytest.raises(UserError, match=f"^{sentence}$"):
        calibrate(network, engine, raw, samples)
    calibrate(network, replace(engine, table_frac_bits=13), raw, samples)


def test_tanh_may_leave_a_table_at_whose_end_it_is_one():
    network, raw, samples = function_case(Activation.TANH)
    coarse = replace(
        ENGINE, activation=Format(8, 5), table_frac_bits=5, table_units=1, table_segment_bits=7
    )
    samples[:] = 127
    calibrate(network, coarse, raw, samples)  # 7.94, and the table ends at 4
    with pytest.raises(UserError, match=r"^an argument of tanh in layer 0 reaches 7\.938"):
        calibrate(network, replace(coarse, table_frac_bits=6), raw, samples)
