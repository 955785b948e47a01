"""Programs cut after a stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenzo.sim.comparison import collect
from tenzo.sim.stage_search import cut_programs, find_stage
from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation, Program
from tests.sim.endpoint_device import endpoint_device

ENGINE = EngineParameters(lane_count=3, stage_slots=7, result_depth=5)
QUERY = Query(1, 77, 900)


def program() -> Program:
    form = TensorTrain((3, 4), (4, 3), (1, 3, 1))
    network = Network((Layer(12, 12, form, True, Activation.RELU), Layer(12, 5, Dense())))
    return plan(network, ENGINE).program


def data() -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(3)
    count = program().parameter_count
    return source.integers(-9999, 9999, count), source.integers(-9999, 9999, (3, 12))


@pytest.mark.parametrize("stage", range(3))
def test_cut_programs_show_every_word_of_a_stage(stage: int) -> None:
    parameters, samples = data()
    device = GoldenDevice(ENGINE)
    device.load_program(program())
    device.write_parameters(parameters)
    trace = device.trace(samples, QUERY)[stage]
    shown: dict[int, list[int]] = {}
    for cut in cut_programs(program(), stage, QUERY, ENGINE):
        device.load_program(cut.program)
        device.write_parameters(parameters)
        outputs = collect(device, samples, cut.queries)
        for first, rows in zip(cut.addresses, outputs, strict=True):
            shown |= {first + index: column.tolist() for index, column in enumerate(rows.T)}
    expected = dict(zip(trace.addresses.tolist(), trace.values_raw.T.tolist(), strict=True))
    assert shown == expected


def test_equal_devices_have_no_wrong_stage() -> None:
    parameters, samples = data()
    devices = GoldenDevice(ENGINE), endpoint_device(ENGINE)
    assert find_stage(*devices, program(), parameters, samples, QUERY) is None


def test_search_ends_where_the_query_stops() -> None:
    parameters, samples = data()
    expected, actual = GoldenDevice(ENGINE), endpoint_device(ENGINE)
    wrong = parameters.copy()
    wrong[-1] = 32767 if wrong[-1] < 0 else -32768
    write = actual.write_parameters
    setattr(actual, "write_parameters", lambda _: write(wrong))  # noqa: B010
    last = program().stages[1]
    assert last.use_bias
    found = find_stage(expected, actual, program(), parameters, samples, QUERY)
    assert found is not None
    assert (found.stage, found.to_results) == (1, False)
    first_only = replace(QUERY, stop=1)
    assert find_stage(expected, actual, program(), parameters, samples, first_only) is None
