"""Saturation in training: counted alike on every device, and shifts chosen anew by need."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.planning.calibration import calibrate
from tenzo.sw.training.checkpoint import load_checkpoint
from tenzo.sw.training.saturation import Recalibration
from tenzo.sw.training.trainer import Trainer
from tenzo.sw.training.training import train
from tests.sim.endpoint_device import endpoint_device
from tests.sw.runs_support import short_config
from tests.sw.training.test_training import final_state, metrics, train_in_parts

SMALL = (
    "network.layers=[{inputs=64, outputs=6, dense=true, activation='relu'},"
    "{inputs=6, outputs=10, dense=true, bias=true}]",
    "training.calibration_samples=8",
    "training.headroom_bits=0",
    "training.result_headroom_bits=0",
    "training.learning_rate=0.05",
    "training.schedule={name='constant'}",
    "training.recalibrate_steps=0",
)
OFF = "training.recalibrate_saturation=0.0"


def trainer(*overrides, device=None):
    config = short_config(*SMALL, *overrides)
    made = Trainer(config, (device or open_device_for)(config), load_samples(config))
    made.start()
    return made


def open_device_for(config):
    return open_device("golden", config.engine())


def endpoint_for(config):
    return endpoint_device(config.engine())


def test_shifts_are_chosen_anew_only_if_values_saturate():
    with_need, without = trainer(), trainer(OFF)
    first = without.shifts
    for _ in range(15):
        with_need.run_step()
        without.run_step()
    assert without.shifts == first != with_need.shifts
    assert without.saturated_shares().max() > 2 * with_need.saturated_shares().max() > 0


def test_a_step_that_saturates_is_followed_by_the_shifts_of_the_new_weights():
    made = trainer()
    while made.shifts == (before := made.shifts) and made.step < 15:
        made.run_step()
        if made.shifts != before:
            break
    assert made.meter.step_shares(made.plan.stages).max() > 1e-4
    samples = made.source.calibration(8)
    expected = calibrate(made.network, made.device.engine, made.weights_raw(), samples, 0, 0)
    assert made.shifts == expected


@pytest.mark.parametrize("estimator", ["rge", "cge"])
def test_need_and_counts_are_the_same_behind_packets(estimator):
    steps = ("training.batch=4", f"training.estimator={estimator}", "training.learning_rate=0.2")
    tiny = "network.layers=[{inputs=64, outputs=2, dense=true}, {inputs=2, outputs=10, dense=true}]"
    golden, packets = (
        trainer(*steps, tiny, device=made) for made in (open_device_for, endpoint_for)
    )
    for _ in range(3):
        assert golden.run_step() == packets.run_step()
    assert golden.meter.saturations.any()
    states = [made.state() for made in (golden, packets)]
    assert {name: array.tobytes() for name, array in states[0].items()} == {
        name: array.tobytes() for name, array in states[1].items()
    }


def test_recalibration_by_need_is_resumed_exactly(tmp_path):
    config = short_config(*SMALL)
    train(config, out=tmp_path / "whole")
    train_in_parts(config, tmp_path / "run", (3, 4, 5, 21))
    assert final_state(tmp_path / "run") == final_state(tmp_path / "whole")
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")
    assert load_checkpoint(tmp_path / "run" / "checkpoint.npz")["recalibration"][1] > 0


def test_shifts_that_stay_are_asked_for_less_and_less_often():
    recalibration = Recalibration(0.1)
    stages = trainer().plan.stages
    asked = []
    for step in range(1, 40):
        if recalibration.due(step, stages, np.array([0.2, 0.0])):
            asked.append(step)
            recalibration.done(step, changed=False)
    assert asked == [1, 3, 7, 15, 31]
    recalibration.done(40, changed=True)
    assert recalibration.due(41, stages, np.array([0.2, 0.0]))


def test_a_stage_of_a_table_needs_no_new_shift():
    first = "{inputs=64, outputs=2, dense=true, activation='tanh'}"
    layers = f"[{first}, {{inputs=2, outputs=10, dense=true}}]"
    stages = trainer(f"network.layers={layers}").plan.stages
    assert not Recalibration(0.1).due(1, stages, np.array([0.5, 0.0]))
    assert Recalibration(0.1).due(1, stages, np.array([0.5, 0.5]))


def test_results_keep_more_head_room_than_other_values():
    shifts = [trainer(f"training.result_headroom_bits={bits}").shifts for bits in (0, 8)]
    assert shifts[0][0] == shifts[1][0]
    assert shifts[0][1] < shifts[1][1]
