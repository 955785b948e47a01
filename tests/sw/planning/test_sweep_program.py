"""Sweeps on an engine: what they cost, how runs are grouped, restored and placed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tenzo.sw.cli import main
from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.program_check import check_program
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.planning.sweep_program import SweepProgram, sweep_cost
from tests.sw.network_cases import DIGITS, LARGE_ENGINE, MNIST, MNIST_1024, TABLE_ENGINE, networks
from tests.sw.planning.test_delta import BLACK_SCHOLES, HJB

ENGINE = replace(LARGE_ENGINE, lane_depth=20000)


def sweep_of(network, engine=ENGINE):
    return SweepProgram(plan(network, engine).program, engine)


# Passes of slices alone come from sets of changed values (method of the project); with restoring
# they may be 1.12 times as many.
@pytest.mark.parametrize(
    ("network", "slices", "engine"),
    [
        (DIGITS, 108.7, 112.5),
        (MNIST, 122.5, 125.3),
        (MNIST_1024, 246.8, 251.1),
        (HJB, 336.2, 369.5),
        (BLACK_SCHOLES, 202.0, 210.5),
    ],
)
def test_a_sweep_on_the_engine_costs_little_more_than_its_slices(network, slices, engine):
    program = plan(network, ENGINE).program
    cost = sweep_cost(program, ENGINE)
    assert cost.obstacle == ""
    assert round((cost.macs - cost.restore_macs) / program.macs, 1) == slices
    assert round(cost.macs / program.macs, 1) == engine
    assert engine <= 1.12 * slices


@pytest.mark.parametrize("name", ["digits", "mnist", "mnist-1024", "hjb20", "black-scholes"])
def test_presets_keep_all_inputs(name):
    config = load_config(name)
    planned = plan(config.network(), config.engine()).to_json()
    passes = planned["coordinate_sweep_passes"]
    assert planned["coordinate_sweep"]["sliced"]
    assert passes["host"] < passes["engine"] < planned["parameters"] / 3
    assert (passes["base"], passes["restore"] > 0) == (1.0, True)


def test_without_room_whole_networks_are_planned_and_the_depth_is_named():
    engine = replace(LARGE_ENGINE, lane_depth=783)
    program = plan(DIGITS, engine).program
    cost = sweep_cost(program, engine)
    assert cost.macs == 826 * program.macs
    assert (cost.restore_macs, cost.lane_words) == (0, 784)
    assert cost.obstacle.endswith("raise the engine's lane_depth to at least 784")
    assert sweep_cost(program, replace(engine, lane_depth=784)).obstacle == ""
    with pytest.raises(UserError, match="needs 784 words but holds 783"):
        SweepProgram(program, engine)


def test_the_plan_says_what_slices_need():
    narrow = ["plan", "digits", "--set", "engine.lane_depth=783"]
    text = CliRunner().invoke(main, narrow).output
    assert "826.0 on the engine, all whole" in text
    assert "lane_depth to at least 784" in " ".join(text.split())
    text = CliRunner().invoke(main, ["plan", "digits"]).output
    assert "112.5 on the engine, 3.8 of them to restore kept values" in text


@settings(max_examples=25, deadline=None)
@given(networks(most_words=60))
def test_runs_hold_every_parameter_once_and_their_descriptors_are_good(network):
    engine = replace(TABLE_ENGINE, stage_slots=40, weight_depth=40000)
    assume(network.parameter_count <= 600)
    try:
        sweep = sweep_of(network, engine)
    except UserError:
        assume(False)
    addresses = [run.first_address + i for run in sweep.runs for i in range(run.count)]
    assert sorted(addresses) == list(range(network.parameter_count))
    for run, place in zip(sweep.runs, sweep.places, strict=True):
        chapter = sweep.chapters[place.chapter].stages
        stages = chapter[place.entry : place.entry + len(run.stages)]
        assert stages == with_waits(run.stages, engine)
        results = stages[-1]
        assert results.to_results
        assert results.output_count == len(run.outputs) == len(set(run.outputs.tolist()))
    for chapter in sweep.chapters:
        check_program(chapter, engine)


def test_a_row_restores_its_own_stage_and_a_group_what_follows():
    sweep = sweep_of(DIGITS)
    first = [index for index, run in enumerate(sweep.runs) if run.group == 0]
    assert len(first) > 2
    rows = [sweep.runs[index] for index in first[:2]]
    steps = list(sweep.steps(row.first_address + i for row in rows for i in range(2)))
    whole = len(rows[0].stages)
    assert [(step.coordinate, step.stop) for step in steps] == [
        *((0, whole), (1, whole), (None, 1)),
        *((2, whole), (3, whole), (None, whole - 1)),
    ]
    assert sweep.macs(steps) == sum(sweep.runs[s.run].macs(s.stop) for s in steps)


def test_results_need_no_restoring():
    sweep = sweep_of(DIGITS)
    last = [run for run in sweep.runs if len(run.stages) == 1]
    assert last
    steps = sweep.steps(run.first_address for run in last)
    assert all(step.coordinate is not None for step in steps)


@given(st.lists(st.integers(0, 825), max_size=30))
def test_any_coordinates_in_any_order_run_once(addresses):
    sweep = sweep_of_digits()
    steps = list(sweep.steps(addresses))
    asked = [step for step in steps if step.coordinate is not None]
    assert sorted(step.coordinate for step in asked) == list(range(len(addresses)))
    for step in asked:
        run = sweep.runs[step.run]
        assert 0 <= addresses[step.coordinate] - run.first_address < run.count
    assert {step.run for step in steps} == {step.run for step in asked}


@cache
def sweep_of_digits():
    return sweep_of(DIGITS)
