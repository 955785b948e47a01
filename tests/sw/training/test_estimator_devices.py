"""Every estimator trains with the same bits on the golden model and behind packets."""

from __future__ import annotations

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.training.trainer import Trainer
from tests.sim.endpoint_device import endpoint_device

LAYERS = (
    "network.layers=[{inputs=64, outputs=4, input_modes=[8, 8], output_modes=[2, 2], ranks=1,"
    " bias=true, activation='relu'}, {inputs=4, outputs=10, dense=true, bias=true}]"
)
SHORT = (LAYERS, "training.steps=4", "training.batch=3", "training.epsilon=0.0625")
DESCENT = "training.estimator=sign-descent"
HYBRID = "training.estimator=hybrid"
COORDINATES = "training.coordinates=5"
CASES = [
    ("training.one_sided=true", "training.shrink=true", "training.rounding=stochastic"),
    ("training.perturb=layer", "training.distribution=uniform", "training.bits=3"),
    ("training.perturb=core", "training.one_sided=true"),
    ("training.estimator=cge", COORDINATES, "training.rounding=stochastic"),
    (DESCENT, COORDINATES, "training.optimiser={name='sign-momentum'}"),
    (DESCENT, COORDINATES, "training.form=greedy", "training.learning_rate=0.1"),
    (HYBRID, COORDINATES, "training.hybrid={then='cge', switch_step=2, learning_rate=0.02}"),
    (HYBRID, COORDINATES, "training.form=greedy",
     "training.hybrid={then='sign-descent', switch_step=2, learning_rate=0.02}"),
]  # fmt: skip


@pytest.mark.parametrize("overrides", CASES)
def test_bits_are_the_same_behind_packets(overrides):
    config = load_config("digits", [*SHORT, *overrides])
    samples = load_samples(config)
    devices = open_device("golden", config.engine()), endpoint_device(config.engine())
    golden, packets = (Trainer(config, device, samples) for device in devices)
    golden.start()
    packets.start()
    before = golden.weights.copy()
    for _ in range(4):
        assert golden.run_step() == packets.run_step()
    first, second = (made.state() for made in (golden, packets))
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }
    assert (golden.weights != before).any()
