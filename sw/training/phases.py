"""Phases of training: an estimator with its optimiser and schedule; the hybrid has two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray
from tenzo.sw.training.estimators import Estimator
from tenzo.sw.training.optimisers import Optimiser
from tenzo.sw.training.schedules import Schedule
from tenzo.sw.training.sign_descent import Descent, GreedySignDescent, MovableObjective

Arrays = Mapping[str, npt.NDArray[Any]]

_OPTIMISER = "optimiser."


@dataclass(frozen=True)
class Phase:
    """What makes steps: estimator, optimiser and schedule.

    A :class:`GreedySignDescent` changes the weights itself; the optimiser rests.
    """

    estimator: Estimator | GreedySignDescent
    optimiser: Optimiser
    schedule: Schedule

    def advance(
        self, objective: MovableObjective, step: int, weights: FloatArray, rate: float
    ) -> Descent:
        """Make one step: change ``weights``, float64 (parameters,), in place."""
        if isinstance(self.estimator, GreedySignDescent):
            return self.estimator.descend(objective, step, weights, rate)
        estimate = self.estimator.estimate(objective, step)
        self.optimiser.step(weights, estimate.gradient, rate)
        return Descent(estimate.loss, estimate.passes)


class Phases:
    """The phases of a run, and which one is on.

    The hybrid begins with the first and goes on with the second from step ``switch_step`` on, or
    from the step after the ``patience``-th evaluation in a row that did not improve the validation
    loss. Then the second phase's optimiser starts afresh.

    Parameters
    ----------
    phases : sequence of :class:`Phase`
        One, or two for the hybrid.
    steps : :class:`int`
        Steps of the whole run.
    switch_step, patience : :class:`int`, optional
        One of them for two phases.

    Source: Zhao et al. 2023, section 2 (hybrid gradient evaluation).
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        steps: int,
        switch_step: int | None = None,
        patience: int | None = None,
    ) -> None:
        self._phases, self._steps = tuple(phases), steps
        self._switch_step, self._patience = switch_step, patience
        self._index, self._first = 0, 0
        self._best, self._stalled = np.inf, 0

    @property
    def current(self) -> Phase:
        """The phase that is on."""
        return self._phases[self._index]

    @property
    def number(self) -> int:
        """1, or 2 after the switch."""
        return self._index + 1

    @property
    def is_hybrid(self) -> bool:
        """Whether there are two."""
        return len(self._phases) > 1

    def begin_step(self, step: int) -> Phase:
        """Return the phase that makes ``step``, 0 to ``steps - 1``; switch if it is time."""
        if self.is_hybrid and self.number == 1 and step == self._switch_step:
            self._switch(step)
        return self.current

    def rate(self, step: int) -> float:
        """Return the learning rate of a step of the present phase.

        The first phase's schedule ends at ``switch_step``, or with the run if patience decides;
        the second's begins at the switch and ends with the run.
        """
        last = self._steps
        if self.number == 1 and self._switch_step is not None:
            last = self._switch_step
        return self.current.schedule.rate(step - self._first, last - self._first)

    def note_validation(self, steps_made: int, loss: float) -> None:
        """Take the validation loss after some steps; switch if it has stalled for too long."""
        if self._patience is None or self.number > 1:
            return
        if loss < self._best:
            self._best, self._stalled = loss, 0
            return
        self._stalled += 1
        if self._stalled == self._patience:
            self._switch(steps_made)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return what the next steps depend on, for a checkpoint."""
        state = self.current.optimiser.state()
        arrays: dict[str, npt.NDArray[Any]] = {_OPTIMISER + name: state[name] for name in state}
        if self.is_hybrid:
            numbers = [self._index, self._first, self._stalled]
            arrays["hybrid"] = np.array(numbers, np.int64)
            arrays["hybrid_best"] = np.array(self._best)
        return arrays

    def load_state(self, state: Arrays) -> None:
        """Continue from a state; :class:`UserError` if it is of other phases."""
        if self.is_hybrid != ("hybrid" in state):
            raise UserError(
                "checkpoint must be of the same estimator: one of them is hybrid, the other not"
            )
        if self.is_hybrid:
            self._index, self._first, self._stalled = (int(number) for number in state["hybrid"])
            self._best = float(state["hybrid_best"])
        self.current.optimiser.load_state(
            {
                key.removeprefix(_OPTIMISER): state[key]
                for key in state
                if key.startswith(_OPTIMISER)
            }
        )

    def _switch(self, step: int) -> None:
        """Go on with the second phase from ``step`` on."""
        self._index, self._first = 1, step
