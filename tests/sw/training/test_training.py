import json

import numpy as np
import pytest

from tenzo.sw.data.datasets import load_digits
from tenzo.sw.data.samples import load_samples, quantize_dataset
from tenzo.sw.device import Outputs
from tenzo.sw.devices import kernel_name, open_device
from tenzo.sw.errors import InfiniteLossError, UserError
from tenzo.sw.training.checkpoint import load_checkpoint
from tenzo.sw.training.interruption import Interrupted, Interruption
from tenzo.sw.training.runs import RunFolder, open_run
from tenzo.sw.training.trained import evaluate_run, load_trained, predict_run
from tenzo.sw.training.trainer import Trainer
from tenzo.sw.training.training import train
from tests.sw.runs_support import short_config


def without_times(record):
    return {key: value for key, value in record.items() if not key.endswith("_seconds")}


def metrics(folder):
    return [without_times(record) for record in open_run(folder).metrics()]


def final_state(folder):
    arrays = load_checkpoint(folder / "checkpoint.npz")
    return {
        name: array.tobytes()
        for name, array in arrays.items()
        if name not in ("elapsed_seconds", "metrics_bytes")
    }


class StopAt:
    """Reporter that acts like a signal after a step."""

    def __init__(self, interruption, step):
        self.interruption, self.step = interruption, step

    def begin(self, step, steps):
        pass

    def update(self, step):
        if step == self.step:
            self.interruption.number = 15

    def record(self, record):
        pass

    def end(self):
        pass


def train_in_parts(config, folder, stops):
    """Train with an interruption at each of some steps; return the summary."""
    for index, stop in enumerate(stops):
        interruption = Interruption()
        sentence = f"SIGTERM at step {stop} of {config.training.steps}.*--resume"
        with pytest.raises(Interrupted, match=sentence):
            train(
                config,
                out=folder,
                resume=index > 0,
                reporter=StopAt(interruption, stop),
                interruption=interruption,
            )
    return train(config, out=folder, resume=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    return train(short_config(), out=folder, command="tenzo train digits"), folder


def test_summary_holds_what_programs_rely_on(whole):
    summary, folder = whole
    document = json.loads((folder / "summary.json").read_text())
    assert document == summary.document()
    assert document["parameters"] == 826
    assert document["steps"] == 40
    assert document["forward_passes"] == 40 * 2 * 2 * 8
    assert document["number_format"].startswith("fixed:")
    kernel = kernel_name(open_device("golden", short_config().engine()))
    assert (document["device"], document["kernel"]) == ("golden", kernel)
    assert document["command"] == "tenzo train digits"
    assert 0 <= document["test_accuracy"] <= 1


def test_metrics_hold_a_record_per_logged_step(whole):
    records = metrics(whole[1])
    assert [record["step"] for record in records] == [10, 20, 30, 40]
    assert [record["forward_passes"] for record in records] == [320, 640, 960, 1280]
    assert ["validation_accuracy" in record for record in records] == [False, True, False, True]


def test_run_folder_holds_nothing_else(whole):
    names = sorted(path.name for path in whole[1].iterdir())
    assert names == ["checkpoint.npz", "config.toml", "metrics.jsonl", "summary.json"]


def test_same_configuration_gives_the_same_bits(whole, tmp_path):
    train(short_config(), out=tmp_path / "again")
    assert metrics(tmp_path / "again") == metrics(whole[1])
    assert final_state(tmp_path / "again") == final_state(whole[1])


@pytest.mark.parametrize("stops", [(1,), (9, 10, 11), (25, 39)])
def test_resumed_run_gives_the_bits_of_an_unbroken_one(whole, tmp_path, stops):
    summary = train_in_parts(short_config(), tmp_path / "run", stops)
    assert metrics(tmp_path / "run") == metrics(whole[1])
    assert final_state(tmp_path / "run") == final_state(whole[1])
    assert summary.test_accuracy == whole[0].test_accuracy


def test_resuming_cuts_metrics_back_to_the_checkpoint(whole, tmp_path):
    interruption = Interruption()
    arguments = {"out": tmp_path / "run", "interruption": interruption}
    with pytest.raises(Interrupted):
        train(short_config(), reporter=StopAt(interruption, 15), **arguments)
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write('{"step": 20, "loss"')
    train(short_config(), out=tmp_path / "run", resume=True)
    assert metrics(tmp_path / "run") == metrics(whole[1])


def test_resuming_a_finished_run_changes_nothing(whole, tmp_path):
    train(short_config(), out=tmp_path / "run")
    before = final_state(tmp_path / "run")
    summary = train(short_config(), out=tmp_path / "run", resume=True)
    assert final_state(tmp_path / "run") == before
    assert summary.test_accuracy == whole[0].test_accuracy


@pytest.mark.parametrize("lanes", [1, 3, 64])
def test_lanes_change_no_bit(whole, tmp_path, lanes):
    train(short_config(f"engine.lane_count={lanes}"), out=tmp_path / "run")
    assert [r["loss"] for r in metrics(tmp_path / "run")] == [r["loss"] for r in metrics(whole[1])]
    assert final_state(tmp_path / "run")["weights"] == final_state(whole[1])["weights"]


class OneByOne:
    """Device that returns every sample in an item of its own, queries in another order."""

    name = "one by one"

    def __init__(self, device):
        self.device, self.engine = device, device.engine

    def __getattr__(self, name):
        return getattr(self.device, name)

    def evaluate(self, samples_raw, queries):
        for item in reversed(list(self.device.evaluate(samples_raw, queries))):
            for index, output in enumerate(item.outputs_raw):
                yield Outputs(item.query, item.first_sample + index, output[None])


def test_order_of_outputs_changes_no_bit(whole, tmp_path):
    config = short_config()
    train(config, OneByOne(open_device("golden", config.engine())), out=tmp_path / "run")
    assert metrics(tmp_path / "run") == metrics(whole[1])


def test_evaluation_reproduces_the_result_of_the_run(whole):
    result = evaluate_run(whole[1])
    assert (result.accuracy, result.loss) == (whole[0].test_accuracy, whole[0].test_loss)


def test_prediction_agrees_with_evaluation(whole):
    data = load_digits()
    prediction = predict_run(whole[1], data.test_x)
    assert np.mean(prediction.labels == data.test_y) == whole[0].test_accuracy
    assert prediction.outputs.shape == (360, 10)


def test_trained_network_has_the_rounding_of_the_weights(whole):
    trained = load_trained(whole[1])
    assert np.abs(trained.parameters_raw * 2.0**-14 - trained.weights).max() <= 2.0**-15
    assert trained.step == 40


def test_recalibration_changes_shifts_and_is_resumed_exactly(tmp_path):
    wild = ("training.learning_rate=0.1", "training.headroom_bits=0",
            "training.recalibrate_saturation=0.0")  # fmt: skip
    config = short_config("training.recalibrate_steps=30", *wild)
    assert sum(train(config, out=tmp_path / "whole").saturations) > 0
    train_in_parts(config, tmp_path / "run", (25,))
    assert final_state(tmp_path / "run") == final_state(tmp_path / "whole")
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")
    train(short_config(*wild), out=tmp_path / "plain")
    shifts = [load_checkpoint(tmp_path / name / "checkpoint.npz")["shifts"].tolist()
              for name in ("plain", "whole")]  # fmt: skip
    assert shifts[0] != shifts[1]


def test_weights_are_clipped_inside_their_range_and_counted(tmp_path):
    config = short_config("training.learning_rate=0.5", "training.optimiser={name='sign-momentum'}")
    summary = train(config, out=tmp_path / "run")
    weights = load_checkpoint(tmp_path / "run" / "checkpoint.npz")["weights"]
    assert summary.clips > 0
    assert summary.weight_saturations == 0
    epsilon = round(0.01 * 2**14)
    assert weights.max() == (2**15 - 1 - epsilon) * 2.0**-14
    assert weights.min() == (-(2**15) + epsilon) * 2.0**-14


def test_training_that_diverges_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    sentence = (
        r"in step 1, training diverges: 826 of 826 weights are at the ends of their range, "
        r"-1\.99 to 1\.99: take a smaller training\.learning_rate; the checkpoint of step 0 is in "
    )
    with pytest.raises(InfiniteLossError, match=sentence):
        train(short_config("training.learning_rate=1e9"), out=tmp_path / "run")
    assert int(load_checkpoint(tmp_path / "run" / "checkpoint.npz")["step"]) == 0
    assert not (tmp_path / "run" / "summary.json").exists()


def test_two_processes_do_not_work_on_one_run(tmp_path):
    config, folder = short_config(), tmp_path / "run"
    stopped = Interruption()
    with stopped, pytest.raises(Interrupted):
        train(config, out=folder, reporter=StopAt(stopped, 10), interruption=stopped)
    other = RunFolder.resume(config, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=f"run {folder} is another process's at the moment"):
        train(config, out=folder, resume=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    other.unlock()
    assert train(config, out=folder, resume=True).steps == 40
    assert ".lock" not in [path.name for path in folder.iterdir()]


def test_a_lock_without_its_process_counts_for_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    folder = RunFolder.create(short_config(), tmp_path / "run")
    folder.unlock()
    (tmp_path / "run" / ".lock").touch()
    assert train(short_config(), out=tmp_path / "run", resume=True).steps == 40


@pytest.mark.parametrize("distribution", ["uniform", "binomial"])
def test_other_distributions_train(tmp_path, distribution):
    overrides = (f"training.distribution={distribution}", "training.bits=4")
    summary = train(short_config(*overrides), out=tmp_path / "run")
    assert summary.steps == 40


def test_loss_falls(tmp_path):
    train(short_config("training.steps=400", "training.learning_rate=0.01"), out=tmp_path / "run")
    losses = [record["loss"] for record in metrics(tmp_path / "run")]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3


def test_targets_instead_of_labels_give_a_relative_error(tmp_path):
    x = np.linspace(-1, 1, 200).reshape(100, 2)
    np.savez(tmp_path / "line.npz", x=x, y=x @ np.array([[0.5], [0.25]]))
    config = short_config(
        "network.layers=[{inputs=2, outputs=1, dense=true, bias=true}]",
        f"data={{npz='{tmp_path}/line.npz'}}",
        "training.loss=mean-squared-error",
        "training.steps=300",
        "training.learning_rate=0.03",
    )
    summary = train(config, out=tmp_path / "run")
    assert summary.test_accuracy is None
    assert summary.relative_l2 is not None
    assert summary.relative_l2 < 0.1
    assert "test_accuracy" not in json.loads((tmp_path / "run" / "summary.json").read_text())
    assert predict_run(tmp_path / "run", x).labels is None


def test_targets_of_the_first_samples_may_all_be_zero(tmp_path):
    x = np.linspace(-1, 1, 200).reshape(100, 2)
    y = x[:, :1] * (np.arange(100) >= 50)[:, None]
    np.savez(tmp_path / "step.npz", train_x=x, train_y=y, validation_x=x, validation_y=y,
             test_x=x, test_y=y)  # fmt: skip
    config = short_config(
        "network.layers=[{inputs=2, outputs=1, dense=true}]",
        f"data={{npz='{tmp_path}/step.npz'}}",
        "training.loss=mean-squared-error",
    )
    assert train(config, out=tmp_path / "run").steps == 40


def test_default_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = short_config("training.steps=1")
    assert [train(config).run for _ in range(2)] == ["runs/digits-1", "runs/digits-2"]
    assert RunFolder.resume(config, None).path.name == "digits-2"


def test_data_of_another_digest_is_refused(whole, tmp_path):
    config = short_config()
    data = load_digits()
    train(config, out=tmp_path / "run")
    changed = data.train_x.copy()
    changed[0, 0] += 0.5
    other = quantize_dataset(
        data.__class__(**{**vars(data), "train_x": changed}), config.activation_format()
    )
    with pytest.raises(UserError, match="of other data"):
        train(config, out=tmp_path / "run", resume=True, samples=other)


def test_trainer_may_start_with_trained_weights_and_shifts(whole):
    trained = load_trained(whole[1])
    config = short_config("training.calibration_samples=1")
    trainer = Trainer(config, open_device("golden", config.engine()), load_samples(config))
    with pytest.raises(UserError, match="must hold 826 weights, not 3"):
        trainer.start({"weights": np.zeros(3), "shifts": np.zeros(6, np.int64)})
    trainer.start(trained.folder.load())
    assert np.array_equal(trainer.weights, trained.weights)
    assert trainer.plan == trained.plan
    trainer.run_step()
    assert not np.array_equal(trainer.weights, trained.weights)
    assert np.array_equal(trained.folder.load()["weights"], trained.weights)


def test_seeds_of_queries_fit_a_shorter_register():
    config = short_config("engine.lfsr={width=10, taps=0x240}")
    samples = load_samples(config)
    trainer = Trainer(config, open_device("golden", config.engine()), samples)
    trainer.start()
    for _ in range(5):
        trainer.run_step()
    assert trainer.step == 5


@pytest.mark.parametrize(("bits", "least"), [(1, 10), (2, 11)])
def test_register_that_repeats_within_a_perturbation_is_refused(bits, least):
    short = {1: "{width=9, taps=0x110}", 2: "{width=10, taps=0x240}"}[bits]
    config = short_config(
        f"engine.lfsr={short}", "training.distribution=uniform", f"training.bits={bits}"
    )
    with pytest.raises(UserError, match=f"draws {826 * bits}: take one of at least {least} bits"):
        Trainer(config, open_device("golden", config.engine()), load_samples(config))


def huge_loss(outputs, targets):
    return np.full(len(outputs), 1e308)


def test_loss_that_overflows_in_the_sum_is_refused(tmp_path):
    config = short_config("training.loss=tests.sw.training.test_training:huge_loss")
    with pytest.raises(UserError, match="must stay finite when summed over 8 samples"):
        train(config, out=tmp_path / "run")


SATURATING = ("training.headroom_bits=0", "training.calibration_samples=1",
              "training.recalibrate_saturation=0.0", "training.result_headroom_bits=0",
              "training.learning_rate=0.05", "training.schedule={name='constant'}")  # fmt: skip


def test_saturation_is_told_when_it_begins_and_at_the_end(tmp_path, caplog):
    summary = train(short_config(*SATURATING), out=tmp_path / "run")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    outputs = [
        stage.left * stage.J * stage.right for stage in load_trained(tmp_path / "run").plan.stages
    ]
    shares = [
        count / (summary.forward_passes * values)
        for count, values in zip(summary.saturations, outputs, strict=True)
    ]
    worst = int(np.argmax(shares))
    assert shares[worst] > 0.001
    assert warnings[1] == (
        f"{100 * shares[worst]:.1f} % of the values of stage {worst} saturated in 40 steps of "
        "training: raise training.headroom_bits or training.calibration_samples"
    )


def test_values_that_all_saturate_are_a_share_of_one():
    config = short_config("network.layers=[{inputs=64, outputs=10, dense=true, bias=true}]")
    trainer = Trainer(config, open_device("golden", config.engine()), load_samples(config))
    trainer.start()
    trainer.run_step()
    trainer.meter.saturations += 2 * 2 * 8 * 10
    assert trainer.saturated_shares().tolist() == [1.0]


def test_nothing_is_said_without_saturation(tmp_path, caplog):
    train(short_config(), out=tmp_path / "run")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
