import json

import numpy as np
import pytest

from tenzo.sw.benchmarks import train
from tenzo.sw.benchmarks.float_trainer import FloatTrainer
from tenzo.sw.data.datasets import load_digits
from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.training.evaluation import compute_outputs
from tenzo.sw.training.trainer import Trainer
from tests.sw.runs_support import run_tenzo, short_config


@pytest.fixture
def peer():
    return FloatTrainer(short_config().network(), load_digits(), queries=2, batch=32)


def test_peer_computes_the_network_of_the_engine(peer):
    config = short_config()
    trainer = Trainer(config, open_device("golden", config.engine()), load_samples(config))
    trainer.start()
    trainer.device.write_parameters(trainer.weights_raw())
    program = trainer.plan.program
    raw = compute_outputs(trainer.device, program, trainer.samples.test.samples_raw)
    outputs = peer.outputs(peer.weights[None], load_digits().test_x.astype(np.float32))[0].T
    assert np.abs(raw * 2.0**-program.output_frac_bits - outputs).max() < 0.01


def test_peer_learns(peer):
    losses = [peer.run_step() for _ in range(1500)]
    assert np.mean(losses[-100:]) < np.mean(losses[:100]) - 0.5


def test_json_is_a_list_of_records(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 5)
    records = json.loads(run_tenzo("bench", "train", "--repetitions", "2", "--json").stdout)
    keys = ["benchmark", "case", "contender", "value", "unit", "repetitions", "low", "high"]
    assert [list(record) for record in records] == [keys] * 3
    for record in records:
        assert record["low"] <= record["value"] <= record["high"]
        assert (record["benchmark"], record["repetitions"]) == ("train", 2)


def test_table_shows_all_contenders(monkeypatch):
    monkeypatch.setattr(train, "STEPS", 5)
    output = run_tenzo("bench", "train", "--repetitions", "1").stdout
    for name in ("tenzo ", "tenzo-numpy", "numpy-float32"):
        assert name in output


def test_unknown_benchmark_lists_the_known():
    result = run_tenzo("bench", "tarin")
    assert result.exit_code == 2
    known = "host, engine, cosim, train, sweep, startup"
    assert result.stderr == f"tenzo: benchmark must be one of {known}, not 'tarin'\n"
