"""Training on problems: fresh points, exact repetition, losses that are no numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.errors import InfiniteLossError, UserError
from tenzo.sw.training.minibatches import samples_per_step
from tenzo.sw.training.trained import evaluate_run, predict_run
from tenzo.sw.training.trainer import Trainer
from tenzo.sw.training.training import train
from tests.sw.runs_support import run_tenzo

SHORT = (
    "training.steps=6",
    "training.batch=8",
    "training.estimator='rge'",
    "training.queries=2",
    "training.log_steps=3",
    "training.evaluate_steps=0",
    "training.calibration_samples=40",
    "training.recalibrate_steps=0",
    "problem.test_points=50",
    "problem.validation_points=20",
)
BROKEN = """
from tenzo.sw.problems.black_scholes import BlackScholes as _BlackScholes

class Broken(_BlackScholes):
    calls = 0

    def losses(self, fields):
        self.calls += 1
        return super().losses(fields) + (VALUE if self.calls > 4 else 0.0)
"""


def short_config(*overrides: str, name: str = "black-scholes") -> Config:
    return load_config(name, [*SHORT, *overrides])


def test_every_step_has_fresh_points() -> None:
    config = short_config()
    device = open_device("golden", config.engine())
    trainer = Trainer(config, device, load_samples(config))
    first, second = (trainer.source.minibatch(step).samples_raw for step in (0, 1))
    assert first.shape == second.shape == (samples_per_step(config), 2)
    assert (first[:8] != second[:8]).any(axis=1).all()


@pytest.mark.parametrize("kind", ["central", "sparse-grid", "monte-carlo"])
def test_resumed_run_is_the_unbroken_one_bit_for_bit(kind) -> None:
    options = {"monte-carlo": ",pairs=3"}.get(kind, "")
    config = short_config(f"problem.derivatives={{name='{kind}'{options}}}")
    samples = load_samples(config)

    def trainer() -> Trainer:
        return Trainer(config, open_device("golden", config.engine()), samples)

    whole, first, second = trainer(), trainer(), trainer()
    whole.start()
    first.start()
    for _ in range(3):
        first.run_step()
    second.load_state(first.state())
    losses = [[one.run_step() for _ in range(count)] for one, count in ((whole, 6), (second, 3))]
    assert losses[0][3:] == losses[1]
    np.testing.assert_array_equal(second.weights, whole.weights)


def test_forward_passes_count_every_node(tmp_path) -> None:
    config = short_config()
    summary = train(config, out=tmp_path / "run")
    assert summary.forward_passes == 6 * 4 * samples_per_step(config) == 6 * 4 * (8 * 5 + 8)


def test_summary_and_evaluation_name_the_zero_network_and_the_best_constant(tmp_path) -> None:
    summary = train(short_config(), out=tmp_path / "run")
    document = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert document["zero_network"] == summary.zero_network == 1.0
    assert 0.5 < document["best_constant"] < 1.0
    result = evaluate_run(tmp_path / "run")
    assert result.relative_l2 == summary.relative_l2
    assert result.sentence("test") == summary.sentence()
    assert "(zero network: 1.000e+00, best constant output: " in summary.sentence()


def test_prediction_is_the_solution(tmp_path) -> None:
    config = short_config("training.queries=1", name="hjb20")
    train(config, out=tmp_path / "run")
    points = np.zeros((2, 21))
    points[0, 20] = points[1, 0] = points[1, 20] = 1.0
    outputs = predict_run(tmp_path / "run", points).outputs
    np.testing.assert_allclose(outputs, [[0.0], [1.0]], atol=1e-4)


def test_resuming_with_another_problem_is_refused(tmp_path) -> None:
    train(short_config(), out=tmp_path / "run")
    other = short_config("problem.derivatives.step=0.125")
    with pytest.raises(UserError, match="of another configuration"):
        train(other, out=tmp_path / "run", resume=True)


def test_resuming_with_another_equation_in_the_file_is_refused(tmp_path) -> None:
    (tmp_path / "mine.py").write_text(BROKEN.replace("VALUE", "0.0"))
    config = short_config(f"problem={{file='{tmp_path / 'mine.py'}'}}", "problem.test_points=50")
    train(config, out=tmp_path / "run")
    (tmp_path / "mine.py").write_text(
        BROKEN.replace("VALUE", "0.0").replace("else 0.0", "else 1.0")
    )
    with pytest.raises(UserError, match="of other data, or another problem"):
        train(config, out=tmp_path / "run", resume=True)


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')"])
def test_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(tmp_path, value) -> None:
    (tmp_path / "mine.py").write_text(BROKEN.replace("VALUE", value))
    out = tmp_path / "run"
    config = short_config(
        f"problem={{file='{tmp_path / 'mine.py'}'}}", "training.checkpoint_steps=1"
    )
    sentence = (
        r"in step \d, loss 'residual' must stay finite .* not (nan|inf): take a smaller "
        r"training.learning_rate, .*; the checkpoint of step \d is in .*run"
    )
    with pytest.raises(InfiniteLossError, match=sentence):
        train(config, out=out)
    checkpoint = np.load(out / "checkpoint.npz")
    assert 0 < checkpoint["step"] < 6
    assert np.isfinite(checkpoint["weights"]).all()


def test_loss_that_is_no_number_is_exit_status_2(tmp_path) -> None:
    (tmp_path / "mine.py").write_text(BROKEN.replace("VALUE", "float('nan')"))
    overrides = [f"problem={{file='{tmp_path / 'mine.py'}'}}", *SHORT[:-2]]
    arguments = [part for override in overrides for part in ("--set", override)]
    result = run_tenzo("train", "black-scholes", "--out", str(tmp_path / "run"), *arguments)
    assert result.exit_code == 2, result.output
    assert result.output.count("loss 'residual' must stay finite") == 1


def test_weights_that_outgrow_the_table_stop_the_run_and_keep_the_checkpoint(tmp_path) -> None:
    changes = ("training.recalibrate_steps=2", "training.learning_rate=1")
    config = short_config(*changes, "training.checkpoint_steps=1", name="hjb20")
    sentence = (
        r"in 2 steps the weights have outgrown the engine, take a smaller training.learning_rate: "
        r"an argument of sine in layer 0 .*; the checkpoint of step 1 is in .*run"
    )
    with pytest.raises(InfiniteLossError, match=sentence):
        train(config, out=tmp_path / "run")
