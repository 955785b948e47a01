"""The state of a training run and its step, on any device, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import Samples
from tenzo.sw.device import Device
from tenzo.sw.errors import InfiniteLossError, UserError
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.calibration import calibrate
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.training.averaging import WeightAverage
from tenzo.sw.training.choice import Choice
from tenzo.sw.training.estimators import Estimator
from tenzo.sw.training.evaluation import compute_outputs
from tenzo.sw.training.losses import make_loss
from tenzo.sw.training.minibatches import make_source
from tenzo.sw.training.objective import MinibatchObjective
from tenzo.sw.training.rounding import round_stochastically
from tenzo.sw.training.saturation import Recalibration, SaturationMeter
from tenzo.sw.training.sign_descent import GreedySignDescent

IntArray = npt.NDArray[np.int64]

_MOST_ENDED = 0.9
"""Share of weights that may lie at the ends of their range, clipped."""


class Trainer:
    """Trains a network on a device, step by step; all that decides the next step is in its state.

    Parameters
    ----------
    config : :class:`Config`
    device : :class:`Device`
        Its engine must be ``config.engine()``, but for the number of lanes.
    samples : :class:`Samples`

    Raises
    ------
    UserError
        If the initial weights overflow their format, epsilon leaves no room for weights, or the
        engine draws fewer bits or repeats them within one perturbation.
    """

    def __init__(self, config: Config, device: Device, samples: Samples) -> None:
        training = config.training
        self.config, self.device, self.samples = config, device, samples
        self.network, self.weight_format = config.network(), device.engine.weight
        self.loss = make_loss(training.loss)
        self.size = self.network.parameter_count
        self.plan: Plan = plan(self.network, device.engine)
        choice = Choice(training, self.plan)
        self.low, self.high = choice.low, choice.high
        self.average = WeightAverage(self.size, training.steps, training.average)
        self.phases = choice.phases()
        self.source = make_source(config, samples)
        self.step = 0
        self.forward_passes = 0
        self.clips = 0
        self.weights: FloatArray = initial_vector(self.network, training.seed)
        self._check_initial_weights()
        self._put_on_grid()
        self.meter = SaturationMeter(device, len(self.plan.stages))
        self.recalibration = Recalibration(training.recalibrate_saturation)

    def start(self, trained: Mapping[str, npt.NDArray[Any]] | None = None) -> None:
        """Calibrate the shifts on the first training samples and load the program.

        Parameters
        ----------
        trained : mapping, optional
            A checkpoint, whose weights and shifts take the place of initial and calibrated ones.

        Raises
        ------
        UserError
            If the loss does not take the data's targets, or a checkpoint is of another network.
        """
        if trained is None:
            self.calibrate()
        else:
            self._check_size(trained)
            self.weights = trained["weights"].copy()
            self._put_on_grid()
            self.load_shifts(trained["shifts"].tolist())
        self.device.write_parameters(self.weights_raw())
        first, program = self.source.minibatch(0), self.plan.program
        outputs = compute_outputs(self.device, program, first.samples_raw)
        self.loss(outputs[None], program.output_frac_bits, first.targets)
        self.device.clear_counters()

    def run_step(self) -> float:
        """Make one training step; return the mean loss of its queries."""
        every = self.config.training.recalibrate_steps
        if every and self.step and self.step % every == 0:
            self._recalibrate()
        minibatch = self.source.minibatch(self.step)
        objective = MinibatchObjective(
            self.device, self.plan.program, self.loss, *minibatch, self.meter
        )
        self.device.write_parameters(self.weights_raw())
        self.meter.begin_step()
        phase = self.phases.begin_step(self.step)
        rate = self.phases.rate(self.step)
        try:
            made = phase.advance(objective, self.step, self.weights, rate)
        except InfiniteLossError as error:
            raise InfiniteLossError(f"in step {self.step + 1}, {error}") from error
        self._clip()
        if self.config.training.rounding == "stochastic":
            seed = self.config.training.seed
            round_stochastically(self.weights, self.weight_format, seed, self.step)
        self.forward_passes += round(made.passes * len(minibatch.samples_raw))
        self.step += 1
        self.average.add(self.step, self.weights)
        self._recalibrate_by_need()
        return made.loss

    @property
    def estimator(self) -> Estimator | GreedySignDescent:
        """The estimator of the present phase."""
        return self.phases.current.estimator

    def weights_raw(self) -> IntArray:
        """Return the weights as the device sees them, int64 of shape (parameters,)."""
        return self.weight_format.quantize(self.weights)

    def evaluated_raw(self) -> IntArray:
        """Return the weights to evaluate, averaged if asked for, int64 of shape (parameters,)."""
        return self.weight_format.quantize(self.average.of(self.weights))

    def calibrate(self) -> None:
        """Choose the shifts for the present weights and load the program that has them."""
        training = self.config.training
        first = self.source.calibration(training.calibration_samples)
        bits = training.headroom_bits, training.result_headroom_bits
        self.load_shifts(
            calibrate(self.network, self.device.engine, self.weights_raw(), first, *bits)
        )

    def load_shifts(self, shifts: Sequence[int]) -> None:
        """Load the program with these shifts."""
        self.shifts = tuple(int(shift) for shift in shifts)
        self.plan = plan(self.network, self.device.engine, self.shifts)
        self.device.load_program(self.plan.program)

    def saturated_shares(self) -> FloatArray:
        """Return the share of each stage's values that saturated in training, (stages,)."""
        return self.meter.shares(self.plan.stages)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all that the next steps depend on, for a checkpoint."""
        numbers = ("step", "forward_passes", "clips")
        return {
            **{name: np.array(getattr(self, name), np.int64) for name in numbers},
            **self.average.state(self.weights),
            "shifts": np.array(self.shifts, np.int64),
            **self.meter.state(),
            **self.recalibration.state(),
            **self.phases.state(),
        }

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from a state; :class:`UserError` if it is of another network."""
        self._check_size(state)
        for name in ("step", "forward_passes", "clips"):
            setattr(self, name, int(state[name]))
        self.weights = self.average.load_state(state)
        self.meter.load_state(state)
        self.recalibration.load_state(state)
        self.phases.load_state(state)
        self.load_shifts(state["shifts"].tolist())
        self.device.clear_counters()

    def _recalibrate(self) -> None:
        """Choose the shifts anew, for weights that training has changed."""
        try:
            self.calibrate()
        except UserError as error:
            raise InfiniteLossError(
                f"in {self.step} steps the weights have outgrown the engine, take a smaller "
                f"training.learning_rate: {error}"
            ) from error

    def _recalibrate_by_need(self) -> None:
        """Choose the shifts anew if the step that was made saturated too much."""
        stages, old = self.plan.stages, self.shifts
        if self.recalibration.due(self.step, stages, self.meter.step_shares(stages)):
            self._recalibrate()
            self.recalibration.done(self.step, self.shifts != old)

    def _check_size(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Refuse the state of another network."""
        if state["weights"].shape != (self.size,):
            raise UserError(
                f"checkpoint must hold {self.size} weights, not {len(state['weights'])}"
            )

    def _check_initial_weights(self) -> None:
        """Refuse initial weights that the format cannot hold."""
        reach = float(np.abs(self.weights).max())
        if reach > self.high:
            raise UserError(
                f"formats.weight ({self.weight_format}) must hold the initial weights, which reach "
                f"{reach:.3f}, but less epsilon it ends at {self.high:.3f}: use fewer fractional "
                "bits or a smaller epsilon"
            )

    def _put_on_grid(self) -> None:
        """Round the weights to their format if their steps are rounded stochastically."""
        if self.config.training.rounding == "stochastic":
            self.weights[...] = self.weights_raw() * self.weight_format.step

    def _clip(self) -> None:
        """Keep weights inside their range; count how many had left it; most of them is too many."""
        clipped = np.clip(self.weights, self.low, self.high)
        changed = int(np.count_nonzero(clipped != self.weights))
        if not changed:
            return
        ended = int(np.count_nonzero((clipped <= self.low) | (clipped >= self.high)))
        if ended > _MOST_ENDED * self.size or not np.isfinite(clipped).all():
            raise InfiniteLossError(
                f"in step {self.step + 1}, training diverges: {ended} of {self.size} weights are "
                f"at the ends of their range, {self.low:.4g} to {self.high:.4g}: take a smaller "
                "training.learning_rate"
            )
        self.clips += changed
        self.weights[...] = clipped
