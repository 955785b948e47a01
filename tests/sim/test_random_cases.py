"""The strategies: what they draw stays inside what the battery promises."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tenzo.sim.fixed_cases import (
    long_case,
    one_hot_case,
    plain_case,
    slice_cases,
    table_cases,
)
from tenzo.sim.random_cases import MAX_CYCLES, Case, cases
from tenzo.sim.random_check import CaseChecker
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sim.random_networks import MAX_CORES, MAX_LAYERS, MAX_MODE, MAX_RANK
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.network import TensorTrain
from tenzo.sw.planning.program_check import check_program
from tenzo.sw.planning.schedule import program_cycles
from tests.sim.endpoint_device import endpoint_device

ENGINE = RANDOM_ENGINES["16x16"]


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(cases(ENGINE))
def test_cases_fit_the_engine_and_the_limits(case: Case) -> None:
    check_program(case.program, ENGINE)
    assert 1 <= len(case.network.layers) <= MAX_LAYERS
    for layer in case.network.layers:
        if isinstance(layer.form, TensorTrain):
            modes = (*layer.form.input_modes, *layer.form.output_modes)
            assert max(modes) <= MAX_MODE
            assert max(layer.form.ranks) <= MAX_RANK
            assert len(layer.form.input_modes) <= MAX_CORES
    for query in case.queries:
        assert program_cycles(case.program, ENGINE, query.entry, query.stop) <= MAX_CYCLES


@pytest.mark.parametrize("name", RANDOM_ENGINES)
def test_fixed_cases_show_every_fact(name: str) -> None:
    engine = RANDOM_ENGINES[name]
    checker = CaseChecker(engine, GoldenDevice(engine), endpoint_device(engine))
    fixed = (plain_case(engine), long_case(engine), one_hot_case(engine))
    for case in (*fixed, *slice_cases(engine), *table_cases(engine)):
        checker.check(case)
    assert not checker.missing_facts()


def test_second_stage_of_the_plain_case_needs_no_wait() -> None:
    for engine in RANDOM_ENGINES.values():
        assert plain_case(engine).program.stages[1].wait_cycles == 0
