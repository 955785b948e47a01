"""What ``tenzo bench host`` evaluates: networks with trained weights, samples and queries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.benchmarks.float_network import float_outputs
from tenzo.sw.configuration.config import Config, load_config, parse_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Query
from tenzo.sw.devices import open_golden
from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.float_stages import FloatStage, float_stages
from tenzo.sw.networks.network import Network
from tenzo.sw.perturbation import directions
from tenzo.sw.program import Program
from tenzo.sw.training.estimators import RandomGradient
from tenzo.sw.training.trainer import Trainer

NAMES = ("mnist", "hjb20", "digits")

BATCH = 128
DIRECTIONS = 8
"""N: each makes two queries, one of each sign."""

TRAINING_STEPS = 200

_HJB20: dict[str, Any] = {
    "name": "hjb20",
    "network": {
        "layers": [
            {
                "inputs": 21,
                "outputs": 512,
                "input_modes": [1, 1, 3, 7],
                "output_modes": [8, 4, 4, 4],
                "ranks": 2,
                "bias": True,
                "activation": "relu",
            },
            {
                "inputs": 512,
                "outputs": 512,
                "input_modes": [4, 4, 4, 8],
                "output_modes": [8, 4, 4, 4],
                "ranks": 2,
                "bias": True,
                "activation": "relu",
            },
            {"inputs": 512, "outputs": 1, "dense": True, "bias": True},
        ]
    },
    "training": {
        "steps": TRAINING_STEPS,
        "batch": BATCH,
        "loss": "mean-squared-error",
        "queries": 2,
        "epsilon": 0.01,
        "distribution": "rademacher",
        "learning_rate": 0.001,
        "optimiser": {"name": "adam"},
    },
}
"""The network for the 20-dimensional Hamilton-Jacobi-Bellman equation, with ReLU for its sines.

Source: Zhao et al. 2023.
"""


@dataclass(frozen=True)
class Case:
    """One network, what it is evaluated on, and the queries of one training step.

    Parameters
    ----------
    name : :class:`str`
    network : :class:`Network`
    engine : :class:`EngineParameters`
    program : :class:`Program`
    weights_raw : int64 array of shape (parameters,)
    samples_raw : int64 array of shape (samples, inputs)
    queries : list of :class:`Query`
        Plus and minus of each direction in turn.
    """

    name: str
    network: Network
    engine: EngineParameters
    program: Program
    weights_raw: npt.NDArray[np.int64]
    samples_raw: npt.NDArray[np.int64]
    queries: list[Query]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all queries on all samples."""
        return self.program.macs * len(self.queries) * len(self.samples_raw)

    @cached_property
    def stages(self) -> list[FloatStage]:
        """The stages, for contenders in floating point."""
        return float_stages(self.network)

    @cached_property
    def x(self) -> npt.NDArray[np.float32]:
        """The samples in float32, exactly."""
        return (self.samples_raw * self.engine.activation.step).astype(np.float32)

    @cached_property
    def weights(self) -> npt.NDArray[np.float32]:
        """The unperturbed weights in float32, exactly."""
        return (self.weights_raw * self.engine.weight.step).astype(np.float32)

    @cached_property
    def swings(self) -> npt.NDArray[np.float32]:
        """What each query adds to the weights but for its sign: ``epsilon * u``, one row each."""
        count = len(self.weights_raw)
        rows = [
            query.epsilon_raw * directions(query, count, self.engine.lfsr) for query in self.queries
        ]
        return (np.array(rows) * self.engine.weight.step).astype(np.float32)

    @cached_property
    def signs(self) -> npt.NDArray[np.float32]:
        """Sign of each query, of shape (queries, 1)."""
        return np.array([[query.sign] for query in self.queries], np.float32)

    @cached_property
    def reference(self) -> npt.NDArray[np.float64]:
        """Outputs in float64, of shape (queries, samples, outputs)."""
        perturbed = self.weights + self.signs * self.swings
        outputs = float_outputs(self.stages, perturbed.astype(np.float64), self.x)
        return outputs.transpose(0, 2, 1)

    def check(self, contender: str, outputs: npt.NDArray[Any]) -> None:
        """Raise :class:`RuntimeError` unless float32 outputs are those of the reference."""
        error = float(np.abs(outputs - self.reference).max() / np.abs(self.reference).max())
        if not error < 1e-4:
            raise RuntimeError(f"{contender} computes another function: off by {error:.1e}")


def make_case(name: str) -> Case:
    """Return a case, its weights trained for :data:`TRAINING_STEPS` steps.

    Initial weights are small and few of their sums are; ranges and saturations are those of
    training. Data that is not there is replaced by synthetic samples.
    """
    config = _config(name)
    samples = load_samples(config, made_up=True)
    trainer = Trainer(config, open_golden(config.engine()), samples)
    trainer.start()
    for _ in range(TRAINING_STEPS):
        trainer.run_step()
    trainer.calibrate()
    trainer.device.close()
    estimator = trainer.estimator
    assert isinstance(estimator, RandomGradient)
    return Case(
        name,
        trainer.network,
        config.engine(),
        trainer.plan.program,
        trainer.weights_raw(),
        samples.train.samples_raw[:BATCH].astype(np.int64),
        estimator.device_queries(TRAINING_STEPS),
    )


def _config(name: str) -> Config:
    """Return a preset or the configuration of hjb20, with the queries of the case."""
    if name == "hjb20":
        config = parse_config(_HJB20)
    else:
        config = load_config(name, (f"training.steps={TRAINING_STEPS}",))
    training = config.training.model_copy(update={"queries": DIRECTIONS})
    return config.model_copy(update={"training": training})
