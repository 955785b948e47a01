"""Idle cycles against an interpreter that knows in which cycle every word is written."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.reference import Lane, StaleReadError, WriteOrderError
from tenzo.sw.planning.schedule import issue_slots, program_cycles, program_macs, with_waits
from tenzo.sw.program import Activation, Program, Stage
from tenzo.sw.timing import (
    ISSUE_TO_WRITE,
    PREFETCH_CYCLES,
    TABLE_CYCLES,
    drain_cycles,
    read_after_write,
)
from tests.sw.random_programs import Case, cases


def run(case: Case, program: Program, entry: int = 0) -> Lane:
    """Run stage by stage; stages before ``entry`` first, so that their words are there."""
    sample = {index: int(value) for index, value in enumerate(case.samples_raw[0])}
    weights, biases = np.split(case.parameters_raw, [program.weight_count])
    lane = Lane(case.engine, weights.tolist(), biases.tolist(), sample)
    words = program.encode()
    if entry:
        lane.run(words, 0, entry)
    lane.macs = 0
    assert lane.run(words, entry, len(program.stages)) == program_cycles(
        program, case.engine, entry
    )
    assert lane.macs == program_macs(program, entry)
    return lane


@given(st.data())
def test_no_word_is_read_before_it_is_written(data):
    case = data.draw(cases())
    run(case, case.program, data.draw(st.integers(0, len(case.program.stages) - 1)))


@given(cases())
def test_every_idle_cycle_is_needed(case):
    stages = list(case.program.stages)
    for index, stage in enumerate(stages):
        if not stage.wait_cycles:
            continue
        fewer = list(stages)
        fewer[index] = replace(stage, wait_cycles=stage.wait_cycles - 1)
        before = issue_slots(stages[index - 1], case.engine)
        if before + stage.wait_cycles - 1 >= PREFETCH_CYCLES:
            with pytest.raises((StaleReadError, WriteOrderError), match="too early"):
                run(case, case.program.with_stages(fewer))


@given(cases())
def test_first_issues_leave_time_to_fetch_the_next_descriptor(case):
    stages = case.program.stages
    assert stages[0].wait_cycles == 0
    for stage, following in itertools.pairwise(stages):
        assert issue_slots(stage, case.engine) + following.wait_cycles >= PREFETCH_CYCLES


@given(cases())
def test_waits_of_a_scheduled_program_are_found_again(case):
    assert with_waits(case.program.stages, case.engine) == case.program.stages


def copy_stage(count: int, input_base: int, output_base: int) -> Stage:
    return Stage(
        (1, count, 1, 1, 1, 1),
        input_base,
        (0, 1, 0, 0, 0, 0),
        0,
        (0,) * 6,
        output_base,
        (0, 1, 0, 0, 0),
        shift=0,
        unit_weight=True,
    )


@pytest.mark.parametrize("sharing", [1, 2, 8, 16])
def test_waits_of_a_chain_by_hand(sharing):
    engine = EngineParameters(requantizer_sharing=sharing)
    stages = with_waits([copy_stage(100, 0, 200), copy_stage(100, 200, 300)], engine)
    assert stages[1].wait_cycles == 0
    backwards = replace(
        copy_stage(100, 299, 300), input_strides=(0, -1, 0, 0, 0, 0)
    )  # the word written last is read first
    stages = with_waits([copy_stage(100, 0, 200), backwards], engine)
    last_issue, free = 99 * sharing, 100 * sharing
    assert stages[1].wait_cycles == last_issue + read_after_write(engine) - free


@pytest.mark.parametrize("sharing", [1, 2, 5])
@pytest.mark.parametrize("age", range(16))
def test_waits_fall_with_the_age_of_the_word(sharing, age):
    engine = EngineParameters(requantizer_sharing=sharing)
    reader = copy_stage(1, 299 - age, 400)
    stages = with_waits([copy_stage(100, 0, 200), reader], engine)
    since_issue = (age + 1) * sharing
    assert stages[1].wait_cycles == max(0, read_after_write(engine) - since_issue)


def test_a_stage_may_wait_for_one_that_ran_long_before():
    engine = EngineParameters(requantizer_sharing=16)
    stages = with_waits([copy_stage(1, 0, 50), copy_stage(1, 1, 60), copy_stage(1, 50, 70)], engine)
    assert [stage.wait_cycles for stage in stages] == [0, 4, 4]
    assert read_after_write(engine) == 26 < 2 * PREFETCH_CYCLES


def test_cycles_are_slots_and_waits_and_drain():
    engine = EngineParameters()
    program = Program((copy_stage(5, 0, 50), copy_stage(7, 10, 60)), 1, 0, 20, (0,), 1, 0)
    program = program.with_stages(with_waits(program.stages, engine))
    assert program.stages[1].wait_cycles == 10
    assert program_cycles(program, engine) == 2 * 5 + 10 + 2 * 7 + drain_cycles(engine)
    assert program_cycles(program, engine, 1) == 2 * 7 + drain_cycles(engine)
    assert program_cycles(program, engine, 0, 1) == 2 * 5 + drain_cycles(engine)


@pytest.mark.parametrize(
    ("lanes", "units", "slots"),
    [(8, 4, 2), (8, 3, 4), (8, 2, 4), (8, 1, 8), (7, 9, 2), (64, 5, 14)],
)
def test_table_units_serve_their_groups_one_after_the_other(lanes, units, slots):
    engine = EngineParameters(lane_count=lanes, table_units=units)
    plain = copy_stage(5, 0, 50)
    table = replace(plain, activation=Activation.SINE)
    assert issue_slots(plain, engine) == 5 * 2
    assert issue_slots(table, engine) == 5 * slots
    assert issue_slots(replace(table, counts=(1, 5, 1, 1, 1, 30)), engine) == 5 * 30
    assert drain_cycles(engine) == ISSUE_TO_WRITE + TABLE_CYCLES + slots - 1
    assert read_after_write(engine, True) == read_after_write(engine) + TABLE_CYCLES + slots - 2


@pytest.mark.parametrize("function", [Activation.SINE, Activation.TANH])
def test_writes_never_overtake_those_of_a_table_unit(function):
    engine = EngineParameters(lane_count=16, table_units=1)
    table = replace(copy_stage(100, 0, 200), activation=function)
    stages = with_waits([table, copy_stage(100, 100, 400)], engine)  # reads none of its words
    assert stages[1].wait_cycles == TABLE_CYCLES + 16 - 2
    assert with_waits([table, table], engine)[1].wait_cycles == 0
