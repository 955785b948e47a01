"""Where the verdict of ``tenzo cosim`` goes; the lockstep itself is tested with the simulator."""

import json

import pytest

import tenzo.sim.cosim
from tenzo.sim.verdict import Verdict
from tenzo.sim.verilator import SimulationError
from tenzo.sw.training.checkpoint import load_checkpoint, save_checkpoint
from tenzo.sw.training.training import train
from tests.sw.runs_support import run_tenzo, short_config


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Folder of a run; the lockstep is replaced by its verdict."""
    monkeypatch.setattr(tenzo.sim.cosim, "cosim", lambda *_: Verdict(run_cycles=1))
    train(short_config("training.steps=3"), out=tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("options", [[], ["--steps", "2"], ["--batch", "4"]])
def test_verdict_of_the_runs_configuration_is_kept(run, options):
    result = run_tenzo("cosim", str(run), *options)
    assert result.exit_code == 0, result.output
    assert json.loads((run / "cosim.json").read_text())["passed"] is True
    assert "not written" not in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--set", "training.seed=2"],
        ["--lanes", "3"],
        ["--inject", "shift"],
        ["--lanes=2", "--json"],
    ],
)
def test_verdict_of_another_configuration_is_not_kept(run, options):
    result = run_tenzo("cosim", str(run), *options)
    assert result.exit_code == 0, result.output
    assert not (run / "cosim.json").exists()
    assert f"{run}/cosim.json is not written" in result.stderr


def test_run_starts_with_its_trained_weights(run, monkeypatch):
    given = []

    def listen(*arguments):
        given.append(arguments[-1])
        return Verdict(run_cycles=1)

    monkeypatch.setattr(tenzo.sim.cosim, "cosim", listen)
    result = run_tenzo("cosim", str(run))
    assert result.stderr.splitlines()[0] == (
        f"starting with the weights and shifts of {run} after 3 steps"
    )
    result = run_tenzo("cosim", "digits")
    assert result.stderr.splitlines()[0] == "starting with initial weights"
    assert given == [run / "checkpoint.npz", None]


def test_trained_weights_of_other_formats_are_refused(run):
    result = run_tenzo("cosim", str(run), "--set", "formats.weight.frac_bits=13")
    assert result.exit_code == 2
    assert "of another network or other formats" in result.stderr


@pytest.mark.slow
def test_simulator_reads_the_checkpoint(tmp_path):
    config = short_config("training.batch=9")
    train(config, out=tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.npz"
    assert tenzo.sim.cosim.cosim(config, steps=1, checkpoint=path).passed
    arrays = load_checkpoint(path)
    save_checkpoint(path, {**arrays, "weights": arrays["weights"][:3]}, config.digest())
    with pytest.raises(SimulationError, match="must hold 826 weights, not 3"):
        tenzo.sim.cosim.cosim(config, steps=1, checkpoint=path)
