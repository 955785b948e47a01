"""The hybrid: when it switches, with which rates, and what it remembers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.training.coordinates import deltas_of
from tenzo.sw.training.estimators import CoordinateGradient, RandomGradient
from tenzo.sw.training.optimisers import Adam, Momentum, Sgd
from tenzo.sw.training.phases import Phase, Phases
from tenzo.sw.training.schedules import Constant, Cosine
from tenzo.sw.training.sign_descent import GreedySignDescent, SignDescent
from tenzo.sw.training.trained import load_trained
from tenzo.sw.training.trainer import Trainer
from tenzo.sw.training.training import train
from tests.sw.runs_support import short_config
from tests.sw.training.test_training import final_state, metrics, train_in_parts

HYBRID = (
    "training.estimator=hybrid",
    "training.hybrid={then='cge', switch_step=25, learning_rate=0.02, optimiser={name='momentum'}}",
)


def known(name: str) -> Any:
    """Something that stands for an estimator."""
    return SimpleNamespace(name=name)


def phases(**when):
    both = [
        Phase(known("random"), Sgd(3), Cosine(0.5)),
        Phase(known("coordinate"), Adam(3), Cosine(0.25)),
    ]
    return Phases(both, 100, **when)


def test_the_second_phase_begins_at_the_step_that_is_given():
    made = phases(switch_step=7)
    names = [made.begin_step(step).estimator.name for step in range(10)]
    assert names == ["random"] * 7 + ["coordinate"] * 3


def test_the_second_phase_begins_after_evaluations_that_did_not_improve():
    made = phases(patience=2)
    for step, loss in [(10, 3.0), (20, 3.5), (30, 2.0), (40, 2.0)]:
        made.note_validation(step, loss)
        assert made.number == 1
    made.note_validation(50, 2.5)
    assert made.begin_step(50).estimator.name == "coordinate"
    assert made.rate(50) == 0.25
    made.note_validation(60, 9.0)
    assert made.rate(50) == 0.25


def test_each_phase_has_a_schedule_of_its_own_length():
    made = phases(switch_step=20)
    assert [made.rate(step) for step in (0, 10)] == [0.5, Cosine(0.5).rate(10, 20)]
    made.begin_step(20)
    assert [made.rate(step) for step in (20, 60)] == [0.25, Cosine(0.25).rate(40, 80)]
    assert phases(patience=2).rate(50) == Cosine(0.5).rate(50, 100)


def test_a_restored_state_switches_at_the_same_evaluation():
    first = phases(patience=3)
    for step, loss in [(10, 1.0), (20, 1.5), (30, 1.0)]:
        first.note_validation(step, loss)
    restored = [phases(patience=3) for _ in range(2)]
    for made, loss in zip(restored, (0.999, 1.0), strict=True):
        made.load_state(first.state())
        made.note_validation(40, loss)
    assert [made.number for made in restored] == [1, 2]
    later = phases(patience=3)
    later.load_state(restored[1].state())
    assert (later.number, later.rate(40)) == (2, 0.25)


def test_a_single_phase_has_nothing_to_remember_but_its_optimiser():
    assert list(Phases([Phase(known("one"), Momentum(3), Constant(0.1))], 9).state()) == [
        "optimiser.velocity"
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hybrid") / "run"
    train(short_config(*HYBRID), out=folder)
    return folder


def test_metrics_say_which_phase_made_a_step(whole):
    records = metrics(whole)
    assert [record["phase"] for record in records] == [1, 1, 2, 2]
    assert [record["learning_rate"] for record in records][2:] == [0.02, 0.02]
    passes = np.diff([record["forward_passes"] for record in records])
    assert passes[0] == 10 * 4 * 8
    program = load_trained(whole).plan.program
    sweep = round((1 + int(deltas_of(program).macs_by_address.sum()) / program.macs) * 8)
    assert passes[1] == 5 * 4 * 8 + 5 * sweep
    assert passes[2] == 10 * sweep


@pytest.mark.parametrize("stops", [(24,), (25,), (26,), (10, 30)])
def test_a_hybrid_is_resumed_exactly(whole, tmp_path, stops):
    train_in_parts(short_config(*HYBRID), tmp_path / "run", stops)
    assert metrics(tmp_path / "run") == metrics(whole)
    assert final_state(tmp_path / "run") == final_state(whole)


def test_a_run_switches_when_its_validation_stalls_and_is_resumed_exactly(tmp_path):
    config = short_config(
        "training.estimator=hybrid",
        "training.learning_rate=1e-9",
        "training.evaluate_steps=10",
        "training.hybrid={then='sign-descent', patience=2, learning_rate=0.001}",
    )
    train(config, out=tmp_path / "whole")
    assert [record["phase"] for record in metrics(tmp_path / "whole")] == [1, 1, 1, 2]
    train_in_parts(config, tmp_path / "run", (15, 30, 35))
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")
    assert final_state(tmp_path / "run") == final_state(tmp_path / "whole")


def trainer(*overrides):
    config = short_config(*overrides)
    return Trainer(config, open_device("golden", config.engine()), load_samples(config))


def test_configurations_name_their_estimators():
    assert isinstance(trainer().estimator, RandomGradient)
    assert isinstance(trainer("training.estimator=cge").estimator, CoordinateGradient)
    descent = "training.estimator=sign-descent"
    assert isinstance(trainer(descent).estimator, SignDescent)
    assert isinstance(trainer(descent, "training.form=greedy").estimator, GreedySignDescent)


def test_the_second_phase_may_have_a_step_of_its_own():
    made = trainer(
        "training.estimator=hybrid",
        "training.epsilon=0.0625",
        "training.hybrid={then='cge', switch_step=1, learning_rate=0.02, epsilon=0.125}",
    )
    assert made.estimator.epsilon_raw == 1024
    assert made.high == (2**15 - 1 - 2048) * 2.0**-14
    made.start()
    made.run_step()
    made.run_step()
    assert made.estimator.step_raw == 2048
    assert isinstance(made.phases.current.optimiser, Adam)
