"""Lockstep on the nodes of a problem's points."""

from __future__ import annotations

import pytest

from tenzo.sim.cosim import cosim, default_batch, step_cycles, with_batch
from tenzo.sw.configuration.config import load_config
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.sweep_program import sweep_cycles
from tenzo.sw.training.minibatches import samples_per_step

_RELU = [f"network.layers.{layer}.activation=relu" for layer in (0, 1)]


@pytest.mark.parametrize(("name", "points"), [("hjb20", 1), ("black-scholes", 6)])
def test_default_batch_of_a_short_program_has_few_points(name: str, points: int) -> None:
    config = load_config(name)
    assert default_batch(config) == points
    assert samples_per_step(with_batch(config, points)) >= 32


@pytest.mark.slow
def test_problem_runs_a_step_without_a_difference() -> None:
    overrides = [*_RELU, "engine.lane_count=8", "training.batch=2", "training.estimator=rge"]
    config = load_config("black-scholes", overrides)
    verdict = cosim(config, steps=1, batch=2)
    assert verdict.passed, verdict.sentence()
    assert verdict.run_cycles == step_cycles(config)
    assert verdict.outputs == 13 * (1 + 2 * config.training.queries)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "points"), [("hjb20", 1), ("black-scholes", 2)])
def test_problem_runs_sweeps_without_a_difference(name: str, points: int) -> None:
    overrides = ["training.estimator=cge", "training.coordinates=30", "training.central=false"]
    sizes = ["training.calibration_samples=16", "engine.lane_count=4"]
    config = load_config(name, [*overrides, *sizes])
    verdict = cosim(config, steps=2, batch=points)
    assert verdict.passed, verdict.sentence()
    assert verdict.queries == 1 + 2 * (1 + 30)


def test_cycles_of_a_step_of_sweeps_are_planned() -> None:
    overrides = ["training.estimator=cge", "training.batch=9"]
    planned = plan(load_config("digits").network(), load_config("digits").engine())
    sweep = sweep_cycles(planned.program, planned.engine)
    whole = step_cycles(load_config("digits", overrides))
    assert whole == 2 * (2 * planned.cycles + sweep)
    central = step_cycles(load_config("digits", [*overrides, "training.central=true"]))
    assert central == 2 * (3 * planned.cycles + 2 * sweep)
    half = step_cycles(load_config("digits", [*overrides, "training.coordinates=413"]))
    assert half == 2 * (2 * planned.cycles + round(sweep / 2))
