"""Structured evaluation: equal, bit for bit, to evaluating every changed network in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tenzo.sim.random_networks import networks
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation
from tenzo.sw.training.losses import cross_entropy
from tests.sw.kernels.agreement import PATHS
from tests.sw.network_cases import DIGITS, LARGE_ENGINE, TABLE_ENGINE

FRAC_BITS = 9
"""Of the outputs, where they become losses."""


def outputs(device, samples, coordinates):
    parts = list(device.evaluate_coordinates(samples, coordinates))
    assert [part.first for part in parts] == list(
        np.cumsum([0, *(len(part.outputs_raw) for part in parts[:-1])])
    )
    return np.concatenate([part.outputs_raw for part in parts])


def cross_entropies(device, samples, coordinates, labels):
    parts = device.coordinate_cross_entropy(samples, coordinates, FRAC_BITS, labels)
    return None if parts is None else np.concatenate([part.losses for part in parts])


def loaded(engine, program, parameters, kernel):
    device = GoldenDevice(engine, kernel=kernel)
    device.load_program(program)
    device.write_parameters(parameters)
    return device


@settings(max_examples=40, deadline=None, phases=[Phase.generate])
@given(st.data())
def test_random_networks_agree(data):
    width = data.draw(st.sampled_from([(16, 16), (8, 8), (18, 16), (24, 18), (5, 7)]))
    segments = min(9, width[0] - 1)
    engine = replace(
        TABLE_ENGINE,
        activation=Format(width[0], width[0] // 3),
        weight=Format(width[1], width[1] - 2),
        table_segment_bits=segments,
        table_frac_bits=max(width[0] - 4, width[0] - segments),
    )
    network = data.draw(networks(12, tuple(Activation)))
    assume(network.parameter_count <= 800)
    try:
        program = plan(network, engine).program
    except UserError:
        assume(False)
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    scale = data.draw(st.sampled_from([1, 4, 32]))
    parameters = rng.integers(
        engine.weight.min_raw, engine.weight.max_raw + 1, program.parameter_count
    )
    parameters //= scale
    count = data.draw(st.sampled_from([1, 3, 33, 65]))
    samples = rng.integers(
        engine.activation.min_raw, engine.activation.max_raw + 1, (count, network.inputs)
    )
    samples //= scale
    most = engine.weight.max_raw
    steps = data.draw(
        st.lists(st.sampled_from([1, -1, 5, -9, most, -most]), min_size=12, max_size=12)
    )
    chosen = np.sort(rng.integers(0, program.parameter_count, len(steps)))
    coordinates = [Coordinate(int(a), s) for a, s in zip(chosen, steps, strict=True)]
    expected = outputs(loaded(engine, program, parameters, "numpy"), samples, coordinates)
    path = data.draw(st.sampled_from(PATHS))
    actual = outputs(loaded(engine, program, parameters, path), samples, coordinates)
    assert np.array_equal(expected, actual)
    labels = rng.integers(0, network.outputs, count)
    losses = cross_entropies(
        loaded(engine, program, parameters, path), samples, coordinates, labels
    )
    if losses is not None:
        wanted = cross_entropy(expected, FRAC_BITS, labels)
        assert np.array_equal(wanted.view(np.int64), losses.view(np.int64))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("step", [200, -32767])
def test_all_coordinates_of_digits_agree(path, step):
    program = plan(DIGITS, LARGE_ENGINE).program
    parameters = LARGE_ENGINE.weight.quantize(initial_vector(DIGITS, 1))
    samples = np.random.default_rng(1).integers(0, 1 << 13, (37, program.input_count))
    coordinates = [Coordinate(address, step) for address in range(program.parameter_count)]
    expected, actual = (
        outputs(loaded(LARGE_ENGINE, program, parameters, kernel), samples, coordinates)
        for kernel in ("native", path)
    )
    assert np.array_equal(expected, actual)
    chosen = coordinates[::60]
    full = outputs(loaded(LARGE_ENGINE, program, parameters, "numpy"), samples, chosen)
    assert np.array_equal(full, actual[::60])


def test_sums_are_corrected_not_recomputed(monkeypatch):
    program = plan(DIGITS, LARGE_ENGINE).program
    parameters = LARGE_ENGINE.weight.quantize(initial_vector(DIGITS, 1))
    device = loaded(LARGE_ENGINE, program, parameters, "native")
    samples = np.random.default_rng(1).integers(0, 1 << 13, (37, program.input_count))
    coordinates = [Coordinate(address, 200) for address in range(program.parameter_count)]
    outputs(device, samples, coordinates[:1])
    sweep = device._coordinates._sweep
    parts = list(sweep.evaluate(samples, coordinates))
    assert sum(int(part.failed.sum()) for part in parts) == 0
    assert parts[0].macs[0] == program.macs
    assert sum(part.macs[1] for part in parts) == sweep._deltas.macs
    assert round(sweep._deltas.macs / program.macs) == 43


def test_new_weights_and_programs_are_seen():
    program = plan(DIGITS, LARGE_ENGINE).program
    parameters = LARGE_ENGINE.weight.quantize(initial_vector(DIGITS, 1))
    samples = np.random.default_rng(1).integers(0, 1 << 13, (5, program.input_count))
    coordinates = [Coordinate(3, 200), Coordinate(600, -200)]
    device = loaded(LARGE_ENGINE, program, parameters, "native")
    first = outputs(device, samples, coordinates)
    device.write_parameters(parameters // 2)
    second = outputs(device, samples, coordinates)
    assert not np.array_equal(first, second)
    device.load_program(program)
    device.write_parameters(parameters)
    assert np.array_equal(outputs(device, samples, coordinates), first)


def test_a_coordinate_outside_of_the_parameters_is_refused():
    program = plan(DIGITS, LARGE_ENGINE).program
    device = loaded(LARGE_ENGINE, program, np.zeros(program.parameter_count, np.int64), "native")
    with pytest.raises(UserError, match="query range"):
        outputs(device, np.zeros((1, 64), np.int64), [Coordinate(program.parameter_count, 1)])


def test_counters_do_not_count_coordinates():
    program = plan(DIGITS, LARGE_ENGINE).program
    device = loaded(LARGE_ENGINE, program, np.zeros(program.parameter_count, np.int64), "native")
    outputs(device, np.zeros((1, 64), np.int64), [Coordinate(0, 1)])
    assert device.read_counters().queries == 0
