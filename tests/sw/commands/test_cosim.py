"""Where the verdict of ``tenzo cosim`` goes; the lockstep itself is tested with the simulator."""

import json

import pytest

import tenzo.sim.cosim
from tenzo.sim.verdict import Verdict
from tests.sw.runs_support import run_tenzo, short_config


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Folder of a run; the lockstep is replaced by its verdict."""
    monkeypatch.setattr(tenzo.sim.cosim, "cosim", lambda *_: Verdict(run_cycles=1))
    (tmp_path / "config.toml").write_text(short_config().toml())
    return tmp_path


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
