"""Training and scoring on the float device, from the command line."""

from __future__ import annotations

import json

import pytest

from tests.sw.runs_support import run_tenzo, short_arguments


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("float") / "run"
    result = run_tenzo(
        "train", "digits", "--device", "float", "-o", str(folder), *short_arguments()
    )
    assert result.exit_code == 0, result.output
    return folder


def test_the_summary_says_float32(run):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["number_format"] == summary["kernel"] == "float32"
    assert summary["device"] == "float"
    assert not any(summary["saturations"])


def test_evaluation_gives_the_run_s_result(run):
    summary = json.loads((run / "summary.json").read_text())
    result = run_tenzo("evaluate", str(run), "--device", "float", "--json")
    scores = json.loads(result.stdout)
    assert scores["test_loss"] == summary["test_loss"]
    assert scores["test_accuracy"] == summary["test_accuracy"]


def test_coordinate_wise_training_learns(tmp_path):
    overrides = short_arguments(
        "training.estimator=cge", "training.steps=20", "training.learning_rate=0.02"
    )
    result = run_tenzo(
        "train", "digits", "--device", "float", "-o", str(tmp_path / "run"), *overrides
    )
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    first, last = (json.loads(line)["loss"] for line in (lines[0], lines[-1]))
    assert last < 0.95 * first


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kernel", "numpy"], "kernel 'numpy' goes with device 'golden', not 'float'"),
        (["--trace", "1"], "a waveform needs device 'verilator', not 'float'"),
    ],
)
def test_what_it_lacks_is_one_sentence(options, words, tmp_path):
    result = run_tenzo(
        "train", "digits", "--device", "float", "-o", str(tmp_path / "run"), *options
    )
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "run").exists()


def test_cosim_refuses_a_run_in_float(run):
    result = run_tenzo("cosim", str(run))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "float32" in line and "--device golden" in line
