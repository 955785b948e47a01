"""Programs that show an engine's parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenzo.sim.parameter_readback import read_parameters
from tenzo.sim.slices import read_out
from tenzo.sw.device import Device, Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.perturbation import perturb
from tenzo.sw.program import Program
from tests.sim.endpoint_device import endpoint_device

ENGINE = EngineParameters(
    lane_count=3, lane_depth=64, weight_depth=300, bias_depth=64, stage_slots=4, result_depth=5
)
QUERIES = {
    "clean": Query(),
    "perturbed": Query(-1, 99, 3000, Distribution.UNIFORM, 3),
    "range": Query(1, 7, 500, first=3, last=9),
}


def program_of(weight_count: int, bias_count: int) -> Program:
    """A program of which only the counts matter."""
    return Program((read_out(0, 1),), weight_count, bias_count, 1, (0,), 1, 0)


@pytest.mark.parametrize("counts", [(1, 0), (2, 1), (3, 4), (17, 64), (256, 5), (0, 9)])
@pytest.mark.parametrize("query", QUERIES)
def test_what_is_read_is_what_the_query_works_with(counts: tuple[int, int], query: str) -> None:
    program = program_of(*counts)
    source = np.random.default_rng(1)
    parameters = source.integers(-(1 << 15), 1 << 15, program.parameter_count)
    asked = QUERIES[query]
    if asked.last is not None and asked.last > program.parameter_count:
        asked = replace(asked, first=0, last=program.parameter_count)
    expected, _ = perturb(parameters, asked, program, ENGINE)
    devices: list[Device] = [GoldenDevice(ENGINE), endpoint_device(ENGINE)]
    for device in devices:
        read = read_parameters(device, program, parameters, asked)
        assert np.array_equal(read, expected), device.name
