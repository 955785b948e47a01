"""The native device against the golden model, and what becomes of its user's slips."""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenzo.sim.native import device as native
from tenzo.sim.native.device import NativeDevice, build_engine, open_native
from tenzo.sim.verilator import Build
from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError
from tenzo.sw.training.trained import evaluate_run, predict_run
from tests.sw.runs_support import run_tenzo

CONFIG = load_config("digits")


def metrics(run: Path) -> list[dict[str, Any]]:
    """Records of a run without their times."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if not key.endswith("_seconds")}
        for line in lines
    ]


@pytest.fixture(scope="module")
def golden_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "run"
    arguments = ("train", "digits", "--steps", "200", "--kernel", "numpy", "-o", str(folder))
    assert run_tenzo(*arguments).exit_code == 0
    return folder


@pytest.mark.slow
def test_200_steps_of_digits_have_the_metrics_of_the_golden_model(
    golden_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = ("train", "digits", "--steps", "200", "--device", "verilator", "-o", str(run))
    assert run_tenzo(*arguments).exit_code == 0
    assert metrics(run) == metrics(golden_run)
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (run, golden_run)]
    assert summaries[0]["device"] == "verilator"
    for name in ("test_accuracy", "test_loss", "saturations", "weight_saturations", "clips"):
        assert summaries[0][name] == summaries[1][name]


@pytest.mark.slow
def test_scores_and_predictions_are_those_of_the_golden_model(golden_run: Path) -> None:
    golden, native = (evaluate_run(golden_run, device=name) for name in ("golden", "verilator"))
    assert (golden.loss, golden.scores) == (native.loss, native.scores)
    features = np.random.default_rng(5).random((19, 64))
    outputs = [predict_run(golden_run, features, name).outputs for name in ("golden", "verilator")]
    assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.slow
def test_a_run_whose_simulator_is_killed_resumes_bit_equal(
    golden_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    code = "from tenzo.sw.cli import main; main()"
    command = [sys.executable, "-c", code, "train"]
    rest = ["--device", "verilator", "-o", str(run)]
    save = ["--steps", "200", "--set", "training.checkpoint_steps=20"]
    parent = subprocess.Popen([*command, "digits", *save, *rest], stderr=subprocess.PIPE, text=True)
    try:
        wait_until_step(run, 20)
        (child,) = children(parent.pid)
        os.kill(child, signal.SIGKILL)
        _, said = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert parent.returncode == 1
    (sentence,) = [line for line in said.splitlines() if line.startswith("tenzo: ")]
    assert "was ended by SIGKILL; the checkpoint of step" in sentence
    assert "go on with --resume" in sentence
    subprocess.run([*command, str(run), "--resume", *rest], check=True, capture_output=True)
    assert metrics(run) == metrics(golden_run)
    weights = [np.load(folder / "checkpoint.npz")["weights"] for folder in (run, golden_run)]
    assert np.array_equal(weights[0], weights[1])


def wait_until_step(run: Path, step: int) -> None:
    """Return when the checkpoint of a run is of a step, or of a later one."""
    for _ in range(6000):
        if (run / "checkpoint.npz").exists():
            with np.load(run / "checkpoint.npz") as arrays:
                if int(arrays["step"]) >= step:
                    return
        time.sleep(0.02)
    pytest.fail(f"{run} made no {step} steps")


def children(pid: int) -> list[int]:
    """Processes whose parent is this one."""
    return [int(name) for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
def test_a_waveform_holds_one_step_and_changes_no_bit(tmp_path: Path) -> None:
    options: tuple[str, ...] = ("--steps", "3")
    for key in ("training.batch=2", "training.queries=1", "engine.lane_count=1"):
        options += ("--set", key)
    options += ("--set", "engine.requantizer_sharing=1")
    traced, golden = tmp_path / "traced", tmp_path / "golden"
    arguments = ("--device", "verilator", "--trace", "2", "-o", str(traced))
    result = run_tenzo("train", "digits", *options, *arguments)
    assert result.exit_code == 0
    assert str(traced / "step-2.vcd") in result.stderr
    assert run_tenzo("train", "digits", *options, "-o", str(golden)).exit_code == 0
    assert metrics(traced) == metrics(golden)
    times = vcd_times(traced / "step-2.vcd")
    assert times[0] > 0
    assert {b - a for a, b in itertools.pairwise(times)} == {5}


def vcd_times(path: Path) -> list[int]:
    """Time stamps of a waveform, in nanoseconds."""
    with open(path, encoding="utf-8") as file:
        return [int(line[1:]) for line in file if line.startswith("#")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--trace", "4"), "a step of this run, which has steps 1 to 3, not 4"),
        (("--trace", "0"), "a step of this run, which has steps 1 to 3, not 0"),
        (("--trace", "2", "--device", "golden"), "a waveform needs device 'verilator'"),
        (("--set", "engine.lane_depth=64"), "raise the engine's lane_depth to at least 576"),
    ],
)
def test_slips_are_a_sentence_before_anything_is_built(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENZO_CACHE", str(tmp_path / "cache"))
    run = ("train", "digits", "--steps", "3", "-o", str(tmp_path / "run"))
    result = run_tenzo(*run, "--device", "verilator", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_program_that_does_not_start_is_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, built = [True], []

    def build(*arguments: Any) -> Build:
        built.append(arguments)
        return build_engine(*arguments)

    class Helper(native.Helper):
        def __init__(self, program: Path) -> None:
            if broken:
                broken.clear()
                program = Path("/bin/true")
            super().__init__(program)

    monkeypatch.setattr(native, "Helper", Helper)
    monkeypatch.setattr(native, "engine_verilog", functools.cache(native.engine_verilog))
    monkeypatch.setattr(native, "build_engine", build)
    forgotten: list[Path] = []
    monkeypatch.setattr(native, "forget", forgotten.append)
    device = open_native(CONFIG.engine())
    device.close()
    assert isinstance(device, NativeDevice)
    assert len(built) == 2
    assert forgotten == [build_engine(CONFIG.engine()).folder]


@pytest.mark.parametrize("missing", ["g++", "make"])
def test_a_missing_tool_is_a_sentence(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    for program in {"g++", "make", "perl"} - {missing}:
        (tmp_path / program).touch(mode=0o755)
    monkeypatch.setattr(native, "engine_verilog", lambda engine: "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="is not in PATH, but simulating Verilog needs it"):
        open_native(CONFIG.engine())


def test_verilog_that_does_not_build_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENZO_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "engine_verilog", lambda engine: "nonsense\n")
    with pytest.raises(UserError, match=r"cannot be built here: %Error: .*syntax error"):
        open_native(CONFIG.engine())
