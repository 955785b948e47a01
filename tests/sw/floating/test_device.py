"""The float device: within float32 of real numbers, and otherwise as the golden model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tenzo.sim.random_networks import networks
from tenzo.sw.device import Distribution, Query
from tenzo.sw.errors import UserError
from tenzo.sw.floating.device import FloatDevice
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.perturbation import perturb
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation
from tenzo.sw.training.evaluation import gather_outputs
from tests.sw.network_cases import DIGITS, LARGE_ENGINE, TABLE_ENGINE, tt_layer

FLOAT32 = 2.0**-24


def loaded(engine, program, parameters, threads=1):
    device = FloatDevice(engine, threads)
    device.load_program(program)
    device.write_parameters(parameters)
    return device


def digits(samples=150, threads=1):
    """Program, parameters, samples, and a device that holds them."""
    program = plan(DIGITS, LARGE_ENGINE).program
    parameters = LARGE_ENGINE.weight.quantize(initial_vector(DIGITS, 3))
    samples_raw = np.random.default_rng(4).integers(0, 1 << 13, (samples, 64))
    return program, parameters, samples_raw, loaded(LARGE_ENGINE, program, parameters, threads)


def real_outputs(program, engine, parameters, samples):
    """Outputs in float64, and a bound of all rounding in float32, (samples, outputs) each."""
    values, bounds = samples.astype(np.float64), np.zeros(samples.shape)
    for stage in program:
        _, left, _, right, J, K = stage.counts
        weight = parameters[stage.weight_base :][: J * K].reshape(J, K) * 2.0**-stage.shift
        shape = len(samples), left, K, right
        sums = weight @ values.reshape(shape)
        size = np.abs(weight) @ np.abs(values.reshape(shape))
        bounds = np.abs(weight) @ bounds.reshape(shape)
        if stage.use_bias:
            words = parameters[program.weight_count + stage.bias_base :][: left * J * right]
            bias = words.reshape(left, J, right) * 2.0 ** (stage.bias_shift - stage.shift)
            sums, size = sums + bias, size + np.abs(bias)
        bounds = bounds + (K + 4) * FLOAT32 * size
        values = sums
        if stage.activation == Activation.RELU:
            values = np.maximum(sums, 0)
        elif stage.activation.uses_table:
            function = np.sin if stage.activation == Activation.SINE else np.tanh
            unit = 2.0 ** (engine.table.output_frac_bits - engine.table.frac_bits)
            values = function(sums * 2.0**-engine.table.frac_bits)
            values *= 2.0**engine.table.output_frac_bits
            bounds = bounds * unit + 8 * FLOAT32 * 2.0**engine.table.output_frac_bits
        values, bounds = values.reshape(len(samples), -1), bounds.reshape(len(samples), -1)
    return values, bounds


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(st.data())
def test_outputs_are_within_float32_of_real_numbers(data):
    network = data.draw(networks(12, tuple(Activation)))
    try:
        program = plan(network, TABLE_ENGINE).program
    except UserError:
        assume(False)
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    parameters = rng.integers(-9000, 9000, program.parameter_count)
    samples = rng.integers(-9000, 9000, (9, program.input_count))
    device = loaded(TABLE_ENGINE, program, parameters)
    found = gather_outputs(device, program, samples, [Query()])[0]
    expected, bounds = real_outputs(program, TABLE_ENGINE, parameters, samples)
    assert found.dtype == np.float64
    assert (np.abs(found - expected) <= bounds).all()


@pytest.mark.parametrize(
    "query",
    [
        Query(1, 5, 200),
        Query(-1, 9, 40, Distribution.UNIFORM, 4),
        Query(1, 7, 90, Distribution.BINOMIAL, 3, 10, 400),
        Query.one_hot(17, -300),
        Query.one_hot(800, 30000),
    ],
)
def test_perturbed_parameters_are_the_golden_model_s(query):
    program, parameters, samples, device = digits()
    changed, saturated = perturb(parameters, query, program, LARGE_ENGINE)
    found = gather_outputs(device, program, samples, [query, Query(), query])
    counted = device.read_counters().weight_saturations
    device.write_parameters(changed)
    np.testing.assert_array_equal(found[0], gather_outputs(device, program, samples, [Query()])[0])
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()
    waves = -(-len(samples) // LARGE_ENGINE.lane_count)
    assert counted == 2 * waves * saturated


def test_a_query_may_stop_and_another_go_on():
    program, _, samples, device = digits(100)
    whole = gather_outputs(device, program, samples, [Query()])[0]
    items = list(device.evaluate(samples, [Query(stop=2), Query(entry=2)]))
    assert [item.outputs_raw.shape[1] for item in items] == [0, 10]
    np.testing.assert_array_equal(items[1].outputs_raw, whole)


def test_many_queries_on_few_samples_are_those_of_each_alone():
    program, _, samples, device = digits(3)
    queries = [Query(1, seed, 100) for seed in range(1, 60)]
    together = gather_outputs(device, program, samples, queries)
    for query, outputs in zip(queries, together, strict=True):
        alone = gather_outputs(device, program, samples, [query])[0]
        np.testing.assert_allclose(outputs, alone, rtol=1e-5, atol=1e-6 * np.abs(alone).max())


def test_threads_change_no_bit():
    program, _, samples, one = digits(300, threads=1)
    *_, three = digits(300, threads=3)
    queries = [Query(), Query(1, 3, 50)]
    coordinates = [Coordinate(address, 20) for address in range(0, 826, 5)]
    for device in (one, three):
        device.outputs = gather_outputs(device, program, samples, queries)
        device.swept = [
            part.outputs_raw for part in device.evaluate_coordinates(samples, coordinates)
        ]
    np.testing.assert_array_equal(one.outputs, three.outputs)
    np.testing.assert_array_equal(one.swept, three.swept)


def test_counters_are_the_golden_model_s_without_saturations():
    program, parameters, samples, device = digits()
    golden = GoldenDevice(LARGE_ENGINE)
    golden.load_program(program)
    golden.write_parameters(parameters)
    queries = [Query(), Query(1, 3, 50), Query(stop=1)]
    for each in (device, golden):
        list(each.evaluate(samples, queries))
    found, expected = device.read_counters(), golden.read_counters()
    assert found.mac_cycles == expected.mac_cycles > 0
    assert (found.queries, found.run_cycles) == (expected.queries, expected.run_cycles)
    assert not found.saturations.any()


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(st.data())
def test_coordinates_agree_with_whole_evaluations(data):
    network = data.draw(networks(12, tuple(Activation)))
    assume(network.parameter_count <= 500)
    try:
        program = plan(network, TABLE_ENGINE).program
    except UserError:
        assume(False)
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    parameters = rng.integers(-9000, 9000, program.parameter_count)
    samples = rng.integers(-9000, 9000, (5, program.input_count))
    order = rng.permutation(program.parameter_count)[:40]
    steps = rng.integers(1, 32767, len(order)) * rng.choice([-1, 1], len(order))
    coordinates = [Coordinate(*pair) for pair in zip(order.tolist(), steps.tolist(), strict=True)]
    device = loaded(TABLE_ENGINE, program, parameters)
    parts = list(device.evaluate_coordinates(samples, coordinates))
    found = np.concatenate([part.outputs_raw for part in parts])
    _, before = real_outputs(program, TABLE_ENGINE, parameters, samples)
    for outputs, coordinate in zip(found, coordinates, strict=True):
        changed, _ = perturb(parameters, Query.one_hot(*coordinate), program, TABLE_ENGINE)
        expected, bounds = real_outputs(program, TABLE_ENGINE, changed, samples)
        assert (np.abs(outputs - expected) <= 2 * (bounds + before)).all()


def test_a_sweep_counts_nothing_and_keeps_the_weights():
    program, _, samples, device = digits(5)
    before = gather_outputs(device, program, samples, [Query()])
    device.clear_counters()
    list(device.evaluate_coordinates(samples, [Coordinate(3, 900), Coordinate(820, -7)]))
    assert device.read_counters().queries == 0
    np.testing.assert_array_equal(gather_outputs(device, program, samples, [Query()]), before)


def test_what_the_golden_model_refuses_is_refused():
    _, _, samples, device = digits(2)
    with pytest.raises(UserError, match="samples"):
        list(device.evaluate(samples[:, :5], [Query()]))
    with pytest.raises(UserError, match="range 826"):
        list(device.evaluate_coordinates(samples, [Coordinate(826, 1)]))
    with pytest.raises(UserError, match="no integers to trace: take 'golden'"):
        device.trace(samples, Query())


def test_an_engine_without_table_refuses_sine():
    network = type(DIGITS)((tt_layer([4, 4], [4, 4], 2, activation=Activation.SINE),))
    program = plan(network, TABLE_ENGINE).program
    with pytest.raises(UserError, match="which this engine lacks"):
        FloatDevice(LARGE_ENGINE, 1).load_program(program)
