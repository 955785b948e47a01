"""Coordinate sweeps in the compiled kernels, against queries one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.device import Query
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.training.losses import cross_entropy


@pytest.fixture
def device() -> GoldenDevice:
    config = load_config("digits", ())
    program = plan(config.network(), config.engine()).program
    device = GoldenDevice(config.engine(), "native", 3)
    device.load_program(program)
    device.write_parameters(np.random.default_rng(1).integers(-3000, 3000, program.parameter_count))
    return device


def samples(count: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 8192, (count, 64))


# Fewer and more tiles than threads, tiles of every width, groups of one to eight coordinates.
@pytest.mark.parametrize("count", [1, 31, 64, 65, 130, 300])
@pytest.mark.parametrize("stride", [1, 3, 7])
def test_outputs_are_those_of_queries(device: GoldenDevice, count: int, stride: int) -> None:
    coordinates = [
        Coordinate(address, 150 - address % 300 or 1) for address in range(0, 826, stride)
    ]
    outputs = [
        part.outputs_raw for part in device.evaluate_coordinates(samples(count), coordinates)
    ]
    expected = np.empty((len(coordinates), count, 10), np.int64)
    queries = [Query.one_hot(*coordinate) for coordinate in coordinates]
    for item in device.evaluate(samples(count), queries):
        last = item.first_sample + len(item.outputs_raw)
        expected[item.query, item.first_sample : last] = item.outputs_raw
    assert np.array_equal(np.concatenate(outputs), expected)


def losses_of(
    device: GoldenDevice, coordinates: list[Coordinate], labels: np.ndarray
) -> np.ndarray:
    parts = device.coordinate_cross_entropy(samples(len(labels)), coordinates, 11, labels)
    assert parts is not None
    return np.concatenate([part.losses for part in parts])


# Of large weights some coordinates are worked out in full.
@pytest.mark.parametrize("count", [1, 31, 64, 65, 130, 300])
@pytest.mark.parametrize("size", [3000, 32000])
def test_losses_are_those_of_the_outputs(device: GoldenDevice, count: int, size: int) -> None:
    device.write_parameters(np.random.default_rng(4).integers(-size, size, 826))
    coordinates = [Coordinate(address, size // 2) for address in range(0, 826, 3)]
    labels = np.random.default_rng(3).integers(0, 10, count)
    losses = losses_of(device, coordinates, labels)
    outputs = np.concatenate(
        [part.outputs_raw for part in device.evaluate_coordinates(samples(count), coordinates)]
    )
    expected = cross_entropy(outputs, 11, labels)
    assert np.array_equal(losses.view(np.int64), expected.view(np.int64))


def test_losses_in_several_calls_are_those_of_one(
    device: GoldenDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinates = [Coordinate(address, 9) for address in range(0, 826, 40)]
    labels = np.arange(70) % 10
    one = losses_of(device, coordinates, labels)
    monkeypatch.setattr("tenzo.sw.kernels.sweep.OUTPUT_BYTES", 8 * 70 * 4)
    parts = device.coordinate_cross_entropy(samples(70), coordinates, 11, labels)
    assert parts is not None
    assert [part.first for part in parts] == list(range(0, 21, 4))
    assert np.array_equal(losses_of(device, coordinates, labels), one)


def test_a_kernel_in_numpy_has_no_losses() -> None:
    config = load_config("digits", ())
    device = GoldenDevice(config.engine(), "numpy")
    program = plan(config.network(), config.engine()).program
    device.load_program(program)
    device.write_parameters(np.zeros(program.parameter_count, np.int64))
    labels = np.zeros(4, np.int64)
    assert device.coordinate_cross_entropy(samples(4), [Coordinate(0, 1)], 11, labels) is None


def test_samples_lie_innermost(device: GoldenDevice) -> None:
    (part,) = device.evaluate_coordinates(samples(64), [Coordinate(5, 1)])
    assert part.outputs_raw.shape == (1, 64, 10)
    assert part.outputs_raw.strides[1] == 8


def test_a_sweep_that_another_one_interrupts_is_refused(
    device: GoldenDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenzo.sw.kernels.sweep.OUTPUT_BYTES", 1)
    coordinates = [Coordinate(0, 1), Coordinate(1, 1)]
    first = iter(device.evaluate_coordinates(samples(4), coordinates))
    next(first)
    list(device.evaluate_coordinates(samples(4), coordinates))
    with pytest.raises(RuntimeError, match="a sweep must end before the next one on the device"):
        next(first)
