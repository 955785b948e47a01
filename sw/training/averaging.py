"""The mean of the weights over the last steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.numerics import FloatArray

_TRAINED = "training_weights"


class WeightAverage:
    """Running mean m <- m + (w - m) / n of the weights after each of a run's last steps.

    It is what evaluations and the checkpoint take for the weights; training goes on with its own.
    Steps that are too large to settle still circle around a minimum, and the mean lies inside.

    Parameters
    ----------
    size : :class:`int`
        Number of weights.
    steps : :class:`int`
        Steps of the run.
    share : :class:`float`
        Share of the steps that counts, the last ones; 0 for none.

    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging".
    """

    def __init__(self, size: int, steps: int, share: float) -> None:
        self._first = steps - round(share * steps)
        self._mean = np.zeros(size)
        self._count = 0

    def add(self, step: int, weights: FloatArray) -> None:
        """Take the weights after ``step`` steps, if these count."""
        if step > self._first:
            self._count += 1
            self._mean += (weights - self._mean) / self._count

    def of(self, weights: FloatArray) -> FloatArray:
        """Return the mean, or the weights if nothing counted yet."""
        return self._mean if self._count else weights

    def state(self, weights: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Return the entries of a checkpoint: ``weights`` are those to evaluate."""
        if not self._count:
            return {"weights": weights.copy()}
        return {
            "weights": self._mean.copy(),
            _TRAINED: weights.copy(),
            "averaged_steps": np.array(self._count, np.int64),
        }

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        """Continue from a checkpoint; return the weights that training goes on with."""
        self._count = int(state.get("averaged_steps", 0))
        if not self._count:
            return state["weights"].copy()
        self._mean = state["weights"].copy()
        return state[_TRAINED].copy()
