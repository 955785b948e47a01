"""Rung 4: presets in lockstep with the Verilated engine, and faults that must be found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tenzo.sim.cosim import cosim, default_batch, step_cycles
from tenzo.sim.inject import FAULTS
from tenzo.sw.cli import main
from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError


@pytest.mark.slow
def test_digits_runs_three_steps_without_a_difference() -> None:
    result = CliRunner().invoke(main, ["cosim", "digits", "--steps", "3", "-q"])
    assert result.exit_code == 0, result.output
    assert "3 steps, 13 queries" in result.output
    assert "no difference" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "mnist-1024"])
def test_preset_runs_one_step_without_a_difference(name: str) -> None:
    config = load_config(name, ["training.calibration_samples=16", "training.batch=9"])
    verdict = cosim(config, steps=1)
    assert verdict.passed, verdict.sentence()
    assert verdict.run_cycles == step_cycles(config)
    assert verdict.mac_cycles / verdict.run_cycles >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("function", "units"), [("sine", 1), ("tanh", 4)])
def test_networks_of_sine_and_tanh_run_without_a_difference(function: str, units: int) -> None:
    name = f"network.layers.0.activation={function}"
    config = load_config("digits", [name, f"engine.table_units={units}", "training.batch=9"])
    verdict = cosim(config, steps=2)
    assert verdict.passed, verdict.sentence()
    assert verdict.run_cycles == 2 * step_cycles(config)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found_and_placed(fault: str) -> None:
    sine = ["--set", "network.layers.0.activation=sine"] if fault == "table" else []
    result = CliRunner().invoke(
        main,
        [
            "cosim",
            "digits",
            "--steps",
            "1",
            "--batch",
            "9",
            "--inject",
            fault,
            "--json",
            "-q",
            *sine,
        ],
    )
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    assert document["passed"] is False
    difference = document["difference"]
    for key in ("step", "query", "stage", "address"):
        assert difference[key] is not None, difference
    assert difference["expected"] != difference["actual"]


@pytest.mark.slow
def test_verdict_goes_into_the_folder_of_a_run(tmp_path: Path) -> None:
    config = load_config("digits")
    (tmp_path / "config.toml").write_text(config.toml())
    result = CliRunner().invoke(
        main, ["cosim", str(tmp_path), "--steps", "1", "--batch", "9", "-q"]
    )
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "cosim.json").read_text())
    assert document["passed"] is True
    assert document["steps"] == 1
    assert document["command"].split()[0] == "tenzo"


def test_long_programs_get_a_second_partial_wave() -> None:
    assert default_batch(load_config("digits")) == 32
    assert default_batch(load_config("digits", ["training.batch=5"])) == 5
    assert default_batch(load_config("mnist-1024")) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps must be at least 1, not 0"),
        (["--batch", "0"], "--batch must be at least 1, not 0"),
        (["--lanes", "0"], "engine.lane_count"),
        (["--inject", "gamma"], "--inject must be one of"),
    ],
)
def test_a_slip_is_one_sentence(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["cosim", "digits", *arguments, "-q"])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_steps_below_one_are_refused() -> None:
    with pytest.raises(UserError, match="--steps must be at least 1, not -1"):
        cosim(load_config("digits"), steps=-1)
