"""What saturates in training, and when that calls for new shifts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Device
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.plan import StagePlan
from tenzo.sw.program import Activation

IntArray = npt.NDArray[np.int64]

_MOST_WAITING = 1024


class SaturationMeter:
    """Counts the values and weights that saturate in the queries of training.

    Only what runs inside :meth:`counting` counts: whole networks, perturbed at random or not at
    all. Coordinates changed alone do not, since devices evaluate different parts of the network
    for them; so the counts are the same on every device. Counters of the device are read, never
    cleared.

    Parameters
    ----------
    device : :class:`Device`
    stages : :class:`int`
        Stages of the program.
    """

    def __init__(self, device: Device, stages: int) -> None:
        self._device = device
        self.saturations = np.zeros(stages, np.int64)
        """Saturated values of each stage."""
        self.weight_saturations = 0
        self.counted_passes = 0
        """Forward passes that were counted."""
        self.begin_step()

    def begin_step(self) -> None:
        """Begin a step: :meth:`step_shares` are of what is counted from here on."""
        self._start = self.saturations.copy(), self.counted_passes

    @contextmanager
    def counting(self, passes: int) -> Iterator[None]:
        """Count what saturates meanwhile, in so many forward passes."""
        before = self._device.read_counters()
        yield
        after = self._device.read_counters()
        self.saturations += after.saturations - before.saturations
        self.weight_saturations += after.weight_saturations - before.weight_saturations
        self.counted_passes += passes

    def shares(self, stages: tuple[StagePlan, ...]) -> FloatArray:
        """Return the share of each stage's values that saturated, float64 of shape (stages,)."""
        return _shares(stages, self.saturations, self.counted_passes)

    def step_shares(self, stages: tuple[StagePlan, ...]) -> FloatArray:
        """Return the shares of the present step, float64 of shape (stages,)."""
        counts, passes = self._start
        return _shares(stages, self.saturations - counts, self.counted_passes - passes)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of the counts, for a checkpoint."""
        return {
            "saturations": self.saturations.copy(),
            "weight_saturations": np.array(self.weight_saturations, np.int64),
            "counted_passes": np.array(self.counted_passes, np.int64),
        }

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from the counts of a checkpoint."""
        self.saturations = state["saturations"].copy()
        self.weight_saturations = int(state["weight_saturations"])
        self.counted_passes = int(state["counted_passes"])
        self.begin_step()


class Recalibration:
    """Says after which steps the shifts are to be chosen anew because too many values saturated.

    Where new shifts turn out to be the old ones, it waits 1, 2, 4, ... steps before it asks again.

    Parameters
    ----------
    limit : :class:`float`
        Largest share of a stage's values that may saturate in a step; 0 never asks.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._wait, self._earliest = 1, 0

    def due(self, step: int, stages: tuple[StagePlan, ...], shares: FloatArray) -> bool:
        """Return whether step number ``step`` saturated too much, where shifts can help.

        Parameters
        ----------
        step : :class:`int`
        stages : tuple of :class:`StagePlan`
            One that ends with sine or tanh has a fixed shift, whatever saturates.
        shares : float64 array of shape (stages,)
            Share of each stage's values that saturated in the step.
        """
        if not self._limit or step < self._earliest:
            return False
        movable = np.array(
            [not Activation[stage.activation.upper()].uses_table for stage in stages]
        )
        return bool((shares[movable] > self._limit).any())

    def done(self, step: int, changed: bool) -> None:
        """Note that shifts were chosen after ``step``, and whether they changed."""
        self._wait = 1 if changed else min(2 * self._wait, _MOST_WAITING)
        self._earliest = step + self._wait

    def state(self) -> dict[str, IntArray]:
        """Return what the next steps depend on, for a checkpoint."""
        return {"recalibration": np.array([self._wait, self._earliest], np.int64)}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from the state of a checkpoint."""
        self._wait, self._earliest = (int(number) for number in state["recalibration"])


def _shares(stages: tuple[StagePlan, ...], counts: IntArray, passes: int) -> FloatArray:
    """Return counts divided by the values of so many passes."""
    outputs = [stage.left * stage.J * stage.right for stage in stages]
    shares: FloatArray = counts / (np.array(outputs, np.float64) * max(1, passes))
    return shares
