"""The same training in float32 NumPy: the peer that the golden model is measured against."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.benchmarks.float_network import float_outputs
from tenzo.sw.data.datasets import Dataset
from tenzo.sw.networks.float_stages import float_stages
from tenzo.sw.networks.network import Network
from tenzo.sw.networks.parameters import initial_vector

Array = npt.NDArray[np.float32]


class FloatTrainer:
    """Antithetic random gradients and Adam in float32, without engine, formats or fixed order.

    All queries of a step run together, a stage is one matrix product, and NumPy's generator draws
    the directions: what a plain NumPy program would do.

    Parameters
    ----------
    network : :class:`Network`
    dataset : :class:`Dataset`
    queries, batch : :class:`int`
    epsilon, learning_rate : :class:`float`
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        queries: int,
        batch: int,
        epsilon: float = 0.0625,
        learning_rate: float = 0.003,
    ) -> None:
        self.network, self.queries, self.batch = network, queries, batch
        self.epsilon, self.learning_rate = np.float32(epsilon), np.float32(learning_rate)
        self.x = np.ascontiguousarray(dataset.train_x, np.float32)
        self.y = dataset.train_y
        self.random = np.random.default_rng(1)
        self.weights = initial_vector(network, 1).astype(np.float32)
        self.mean, self.square = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.step = 0
        self.stages = float_stages(network)

    def run_step(self) -> float:
        """Make one step; return the mean loss of its evaluations."""
        chosen = self.random.integers(0, len(self.x), self.batch)
        signs = self.random.integers(0, 2, (self.queries, len(self.weights)), np.int8)
        directions = signs.astype(np.float32) * 2 - 1
        swing = self.epsilon * directions
        perturbed = np.concatenate([self.weights + swing, self.weights - swing])
        losses = self.losses(perturbed, self.x[chosen], self.y[chosen])
        differences = (losses[: self.queries] - losses[self.queries :]) / (2 * self.epsilon)
        gradient: Array = np.matmul(differences, directions, dtype=np.float32)
        self._adam(gradient / np.float32(self.queries))
        return float(losses.mean())

    def losses(self, weights: Array, x: Array, labels: npt.NDArray[Any]) -> Array:
        """Return the cross-entropy of each row of weights, float32 of shape (rows,)."""
        logits = self.outputs(weights, x)
        logits = logits - logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(logits).sum(axis=1))
        chosen = logits[:, labels, np.arange(len(labels))]
        losses: Array = (total - chosen).mean(axis=1)
        return losses

    def outputs(self, weights: Array, x: Array) -> Array:
        """Return outputs of shape (rows, outputs, samples), float32."""
        return float_outputs(self.stages, weights, x)

    def _adam(self, gradient: Array) -> None:
        """Change the weights by one step of Adam."""
        self.step += 1
        self.mean += np.float32(0.02) * (gradient - self.mean)
        self.square += np.float32(0.001) * (gradient * gradient - self.square)
        mean = self.mean / np.float32(1 - 0.98**self.step)
        square = self.square / np.float32(1 - 0.999**self.step)
        self.weights -= self.learning_rate * mean / (np.sqrt(square) + np.float32(1e-8))
