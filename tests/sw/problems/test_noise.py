"""Rounding noise of problems: predicted against measured, and what is proposed against it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.problems.noise import NoisyProblem
from tenzo.sw.problems.noise_advice import (
    advice,
    noise_records,
    output_noise_records,
    with_activation,
    with_derivatives,
)
from tests.sw.runs_support import run_tenzo

SPARSE = {"name": "sparse-grid"}
SMALL = ("training.batch=4",)


def central(step):
    return {"name": "central", "step": step}


def agree(records):
    assert records
    for record in records:
        assert record.get("saturations", 0) == 0
        assert record["predicted"] == pytest.approx(record["measured"], rel=0.3), record
        if "first_predicted" in record:
            assert record["first_predicted"] == pytest.approx(record["first_measured"], rel=0.3)


@pytest.mark.parametrize("bits", [(15, 12), (19, 16)], ids=["12", "16"])
@pytest.mark.parametrize("step", [0.125, 0.25, 0.5])
def test_prediction_is_within_30_percent_for_central_differences(bits, step):
    config = load_config("hjb20", SMALL)
    agree(noise_records(config, [bits], [central(step)], {"initial": None}, 160))


@pytest.mark.parametrize("bits", [(18, 16), (24, 20)], ids=["18", "24"])
def test_prediction_is_within_30_percent_for_the_sparse_grid(bits):
    config = load_config("hjb20", SMALL)
    agree(noise_records(config, [bits], [SPARSE], {"initial": None}, 48))


def test_prediction_is_within_30_percent_for_random_nodes():
    config = load_config("hjb20", SMALL)
    pairs = {"name": "monte-carlo", "pairs": 64}
    agree(noise_records(config, [(18, 15)], [pairs], {"initial": None}, 128))


@pytest.mark.parametrize("name", ["black-scholes", "poisson10"])
def test_prediction_is_within_30_percent_for_other_problems(name):
    config = load_config(name, SMALL)
    larger = NoisyProblem(config).parameters_raw.astype(np.float64) * (1.2 * 2.0**-16)
    weights = {"initial": None, "larger": larger}
    agree(noise_records(config, [(18, 15)], [central(0.0625)], weights, 256))


def test_rounded_outputs_alone_make_the_published_noise():
    config = load_config("hjb20", (*SMALL, "formats.activation={width=24,frac_bits=20}"))
    published = {16: 1.99, 20: 0.119, 24: 7.5e-3}
    records = output_noise_records(config, [(SPARSE, bits) for bits in published], 64)
    agree(records)
    for record, value in zip(records, published.values(), strict=True):
        assert record["measured"] == pytest.approx(value, rel=0.3)
    (record,) = output_noise_records(config, [(central(0.25), 16)], 64)
    agree([record])
    assert record["measured"] == pytest.approx(3.0e-3, rel=0.3)


@pytest.mark.parametrize("step", [2.0**-7, 2.0**-10])
def test_larger_step_is_proposed_for_a_tiny_one(step):
    config = with_derivatives(load_config("hjb20", SMALL), central(step))
    assert "problem.derivatives.step = 0.25" in advice(config, 100.0)


def test_what_is_proposed_is_tolerated_and_no_bit_too_many():
    options = ("formats.activation={width=16,frac_bits=13}", "problem.derivatives.step=0.25")
    config = load_config("hjb20", (*SMALL, *options))
    noisy = NoisyProblem(config)
    noise, tolerated = noisy.predicted().laplacian, noisy.problem.tolerated_noise
    assert noise > tolerated
    sentence = advice(config, noise)
    assert "problem.derivatives.step = 0.5" in sentence
    assert NoisyProblem(with_derivatives(config, central(0.5))).predicted().laplacian <= tolerated
    width = next(bits for bits in range(17, 25) if f"width = {bits}," in sentence)
    found = [
        NoisyProblem(with_activation(config, bits, bits - 3)).predicted().laplacian
        for bits in (width, width - 1)
    ]
    assert found[0] <= tolerated < found[1]


def test_plan_shows_the_noise_and_warns_of_too_much(tmp_path):
    good = json.loads(run_tenzo("plan", "hjb20", "--json").stdout)["rounding_noise"]
    assert good["laplacian"] < good["tolerated"] == 0.05
    assert good["advice"] is None and good["nodes"] == 43 and good["weights"] == "initial"
    options = ("formats.activation={width=14,frac_bits=11}", "problem.derivatives.step=0.25")
    bad = run_tenzo("plan", "hjb20", "--set", options[0], "--set", options[1])
    assert bad.exit_code == 0
    assert "noise of 0.38 in the Laplacian" in bad.stdout
    (warning,) = bad.stderr.splitlines()
    assert "the problem tolerates: choose formats.activation = { width = 17" in warning
    assert "rounding_noise" not in json.loads(run_tenzo("plan", "digits", "--json").stdout)


def test_plan_of_a_run_takes_its_weights(tmp_path):
    folder = str(tmp_path / "run")
    options = [f"training.steps={3}", *SMALL, "problem.test_points=5"]
    sets = [part for option in options for part in ("--set", option)]
    assert run_tenzo("train", "black-scholes", "-o", folder, *sets).exit_code == 0
    noise = json.loads(run_tenzo("plan", folder, "--json").stdout)["rounding_noise"]
    assert noise["weights"] == "trained"
    initial = json.loads(run_tenzo("plan", "black-scholes", "--json").stdout)["rounding_noise"]
    assert noise["laplacian"] != initial["laplacian"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("problem.derivatives.step=9.5367431640625e-07", "step must be at least 3.05176e-05"),
        ("problem.derivatives={name='sparse-grid',level=5}", "than 1 GiB: choose a smaller batch"),
        ("problem.derivatives={name='monte-carlo',pairs=10000000}", "more than 1 GiB"),
        ("problem.derivatives={name='sparse-grid',sigma=1e-6}", "sigma must be at least"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "train"])
def test_stencils_that_do_not_fit_are_one_sentence(command, override, words):
    result = run_tenzo(command, "hjb20", "--set", override, "--set", "training.batch=100")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert words in line


def test_random_weights_have_random_noise():
    config = load_config("hjb20", SMALL)
    found = [
        NoisyProblem(load_config("hjb20", (*SMALL, f"training.seed={seed}"))).predicted()
        for seed in (1, 2)
    ]
    assert found[0] == NoisyProblem(config).predicted() != found[1]
    assert np.isfinite(found).all()
