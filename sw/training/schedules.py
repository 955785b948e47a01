"""Learning-rate schedules: the rate of each step, the same bits everywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from tenzo.sw.configuration.options import build
from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray, cos_pi


class Schedule(Protocol):
    """Gives a learning rate to each step of a training run."""

    def rate(self, step: int, steps: int) -> float:
        """Return the rate of ``step``, 0 to ``steps - 1``, of a run of ``steps``."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate in every step."""

    learning_rate: float

    def rate(self, step: int, steps: int) -> float:
        """Return the rate."""
        return self.learning_rate


@dataclass(frozen=True)
class Cosine:
    """Half a cosine: final + (initial - final) (1 + cos(pi step / steps)) / 2.

    Parameters
    ----------
    learning_rate : :class:`float`
        Rate of step 0.
    final_rate : :class:`float`
        Rate after the last step, at least 0.

    Source: Loshchilov and Hutter 2017, "SGDR", without restarts.
    """

    learning_rate: float
    final_rate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.final_rate <= self.learning_rate:
            raise UserError(
                f"final_rate must be 0 to learning_rate {self.learning_rate!r}, "
                f"not {self.final_rate!r}"
            )

    def rate(self, step: int, steps: int) -> float:
        """Return the rate of a step."""
        return self.final_rate + (self.learning_rate - self.final_rate) * float(
            _half_cosine(steps)[step]
        )


@dataclass(frozen=True)
class StepDecay:
    """Rate times ``factor`` at every ``interval`` steps.

    Parameters
    ----------
    learning_rate : :class:`float`
        Rate of the first ``interval`` steps.
    factor : :class:`float`
        Above 0, at most 1.
    interval : :class:`int`
        Steps between two reductions, at least 1.
    """

    learning_rate: float
    factor: float = 0.5
    interval: int = 10_000

    def __post_init__(self) -> None:
        if not 0 < self.factor <= 1:
            raise UserError(f"factor must be above 0 and at most 1, not {self.factor!r}")
        if self.interval < 1:
            raise UserError(f"interval must be at least 1 step, not {self.interval!r}")

    def rate(self, step: int, steps: int) -> float:
        """Return the rate of a step."""
        rate = self.learning_rate
        for _ in range(step // self.interval):
            rate *= self.factor
        return rate


@lru_cache(maxsize=4)
def _half_cosine(steps: int) -> FloatArray:
    """Return (1 + cos(pi step / steps)) / 2, float64 of shape (steps,)."""
    curve: FloatArray = 0.5 + 0.5 * cos_pi(np.arange(steps) / steps)
    return curve


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "step": StepDecay,
}
"""Schedules by the name that a configuration uses."""


def make_schedule(name: str, learning_rate: float, **options: Any) -> Schedule:
    """Return a schedule by its name.

    Parameters
    ----------
    name : :class:`str`
        ``constant``, ``cosine`` or ``step``.
    learning_rate : :class:`float`
        Rate of step 0, above 0.
    options
        Other parameters of the class.

    Raises
    ------
    UserError
        If the name or an option is unknown, or a value out of range.
    """
    if not 0 < learning_rate < float("inf"):
        raise UserError(f"learning_rate must be above 0 and finite, not {learning_rate!r}")
    return build("schedule", SCHEDULES, name, {"learning_rate": learning_rate}, options)
