"""Networks of sine and tanh train on the golden model."""

import numpy as np
import pytest

from tenzo.sw.configuration.config import Config, parse_config
from tenzo.sw.training.runs import open_run
from tenzo.sw.training.training import train


def config_of(folder, activation: str) -> Config:
    """Fit y = sin(3 x0) x1 on 500 points."""
    x = np.random.default_rng(1).uniform(-1, 1, (500, 2))
    y = (np.sin(3 * x[:, 0]) * x[:, 1])[:, None]
    np.savez(folder / "data.npz", x=x, y=y)
    hidden = {"bias": True, "activation": activation}
    return parse_config(
        {
            "network": {
                "layers": [
                    {"inputs": 2, "outputs": 16, "dense": True, **hidden},
                    {
                        "inputs": 16, "outputs": 16, "input_modes": [4, 4], "output_modes": [4, 4],
                        "ranks": [4], **hidden,
                    },
                    {"inputs": 16, "outputs": 1, "dense": True, "bias": True},
                ]
            },
            "training": {
                "steps": 1000, "batch": 64, "queries": 4, "loss": "mean-squared-error",
                "learning_rate": 0.02, "schedule": {"name": "cosine"}, "evaluate_steps": 1000,
            },
            "data": {"npz": str(folder / "data.npz")},
        }
    )  # fmt: skip


@pytest.mark.parametrize("activation", ["sine", "tanh"])
def test_a_small_network_learns_a_function(activation, tmp_path):
    summary = train(config_of(tmp_path, activation), out=tmp_path / "run")
    first, *_, last = [record["loss"] for record in open_run(tmp_path / "run").metrics()]
    assert last < first / 10
    assert summary.relative_l2 is not None
    assert summary.relative_l2 < 0.2
    assert summary.saturations == [0] * 4
