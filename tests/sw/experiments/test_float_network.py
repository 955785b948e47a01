"""Networks in floating point."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.experiments.float_network import float_outputs
from tenzo.sw.networks.parameters import from_vector, initial_vector
from tenzo.sw.training.evaluation import compute_outputs
from tenzo.sw.training.trainer import Trainer


@pytest.mark.parametrize("preset", ["digits", "hjb20", "black-scholes"])
def test_fixed_point_outputs_are_near(preset: str) -> None:
    config = load_config(preset)
    device = open_device("golden", config.engine())
    samples = load_samples(config)
    trainer = Trainer(config, device, samples)
    trainer.start()
    raw = samples.test.samples_raw[:50]
    program = trainer.plan.program
    exact = compute_outputs(device, program, raw) * 2.0**-program.output_frac_bits
    weights = trainer.weights_raw() * device.engine.weight.step
    outputs = float_outputs(config.network(), weights, raw * device.engine.activation.step)
    assert np.abs(outputs - exact).max() < 0.01 * np.abs(exact).max()
    device.close()


def test_biases_are_added_after_the_last_stage() -> None:
    network = load_config("digits").network()
    vector = initial_vector(network, 1)
    vector[-10:] = np.arange(10.0)
    (*_, last) = from_vector(network, vector)
    assert last.bias is not None and np.array_equal(last.bias, np.arange(10.0))
    outputs = float_outputs(network, vector, np.zeros((1, 64)))
    assert np.array_equal(outputs, np.arange(10.0)[None])
