"""Coordinate sign descent: parameters are changed one by one, and only comparisons count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.training.estimators import Estimate, Objective, chosen_coordinates

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SignDescent:
    """Coordinate sign descent in batch form: all signs are collected, then one step is made.

    Computes ``g_i = sign(L(w + h e_i) - L(w))`` with h = ``step_raw`` raw units, for a random
    subset of ``count`` coordinates; the others have g_i = 0. An optimiser turns g into a step:
    with ``sign-momentum`` or ``momentum`` signs of several steps vote.

    Parameters
    ----------
    size, count, step_raw, seed : :class:`int`
        As for :class:`~tenzo.sw.training.estimators.CoordinateGradient`.

    Source: Zhao et al. 2023, section 2, and its authors' code (batch form).
    """

    size: int
    count: int
    step_raw: int
    seed: int

    def estimate(self, objective: Objective, step: int) -> Estimate:
        """Return the signs of one step."""
        addresses = chosen_coordinates(self.size, self.count, self.seed, step)
        base = objective.losses([Query()])[0]
        above = objective.coordinate_losses(
            [Coordinate(address, self.step_raw) for address in addresses.tolist()]
        )
        gradient = np.zeros(self.size)
        gradient[addresses] = np.sign(above - base)
        return Estimate(gradient, float(base), 1.0 + objective.coordinate_passes(addresses))


class MovableObjective(Objective, Protocol):
    """An objective whose weights can be changed meanwhile."""

    def move_to(self, weights_raw: IntArray) -> None:
        """Write weights to the device: int64 of shape (parameters,)."""
        ...


class Descent(NamedTuple):
    """What a greedy step found: the loss before it, and the forward passes per sample it took."""

    loss: float
    passes: float


@dataclass(frozen=True)
class GreedySignDescent:
    """Coordinate sign descent in greedy form: coordinate by coordinate, each from the last one's.

    Tries ``w_i + r`` and keeps it if the loss of the minibatch falls, else takes ``w_i - r``, with
    r the learning rate in whole raw units, at least one. Every try is an evaluation of the whole
    network: with the loss before the first, 1 + n to 1 + 2n passes for n coordinates. There is no
    gradient, so an optimiser has nothing to do.

    Parameters
    ----------
    size : :class:`int`
        Parameters d.
    count : :class:`int`
        Coordinates of a step, 1 to d.
    weight : :class:`Format`
    low, high : :class:`float`
        Range of a weight.
    seed : :class:`int`
        Seed of the run.

    Source: Zhao et al. 2023, section 2, and its authors' code; Gu et al. 2021, "L2ight".
    """

    size: int
    count: int
    weight: Format
    low: float
    high: float
    seed: int

    def descend(
        self, objective: MovableObjective, step: int, weights: FloatArray, learning_rate: float
    ) -> Descent:
        """Make one step: change ``weights``, float64 (parameters,), in place."""
        stride = max(1, round(learning_rate / self.weight.step))
        low, high = (int(self.weight.quantize(np.array(end))) for end in (self.low, self.high))
        raw = self.weight.quantize(weights)
        first = loss = float(objective.losses([Query()])[0])
        passes = 1
        for address in chosen_coordinates(self.size, self.count, self.seed, step).tolist():
            here = int(raw[address])
            for change in (min(here + stride, high) - here, max(here - stride, low) - here):
                found = loss
                if change:
                    found = float(objective.losses([Query.one_hot(address, change)])[0])
                    passes += 1
                if found < loss:
                    break
            raw[address] += change
            weights[address] = raw[address] * self.weight.step
            objective.move_to(raw)
            loss = found
        return Descent(first, float(passes))
