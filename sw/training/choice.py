"""The estimators, optimisers and schedules that a configuration names."""

from __future__ import annotations

from tenzo.sw.configuration.training_table import TrainingTable
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.perturbation import epsilon_raw
from tenzo.sw.planning.plan import Plan
from tenzo.sw.training.blocks import blocks
from tenzo.sw.training.estimators import CoordinateGradient, Estimator, RandomGradient
from tenzo.sw.training.phases import Phase, Phases
from tenzo.sw.training.sign_descent import GreedySignDescent, SignDescent


class Choice:
    """Builds the phases of a run and knows the range that its perturbations leave to weights.

    Parameters
    ----------
    training : :class:`TrainingTable`
    plan : :class:`Plan`
        Of the network, with any shifts.

    Raises
    ------
    UserError
        If epsilon leaves no room for weights, or the engine draws fewer bits or repeats them
        within one perturbation.
    """

    def __init__(self, training: TrainingTable, plan: Plan) -> None:
        self._training, self._plan = training, plan
        self._size, self._engine = plan.parameter_count, plan.engine
        self._weight: Format = plan.engine.weight
        self._distribution = Distribution[training.distribution.upper()]
        self._random = training.first_estimator == "rge"
        if self._random:
            _check_register(training, self._size, self._engine)
        self.low, self.high = self._weight_bounds()

    def phases(self) -> Phases:
        """Return the phases."""
        training, hybrid = self._training, self._training.hybrid
        first = Phase(
            self._estimator(training.first_estimator),
            training.make_optimiser(self._size),
            training.make_schedule(),
        )
        if hybrid is None:
            return Phases([first], training.steps)
        second = Phase(
            self._estimator(hybrid.then),
            training.make_optimiser(self._size, hybrid.optimiser),
            hybrid.make_schedule(),
        )
        return Phases([first, second], training.steps, hybrid.switch_step, hybrid.patience)

    def _estimator(self, name: str) -> Estimator | GreedySignDescent:
        """Return an estimator by its name."""
        training, size, seed = self._training, self._size, self._training.seed
        if name == "rge":
            return self._random_gradient()
        count = min(training.coordinates or size, size)
        if name == "cge":
            step_raw, step = self._coordinate_step(), self._weight.step
            return CoordinateGradient(size, count, step_raw, step, training.central, seed)
        if training.form == "greedy":
            return GreedySignDescent(size, count, self._weight, self.low, self.high, seed)
        return SignDescent(size, count, self._coordinate_step(), seed)

    def _random_gradient(self) -> RandomGradient:
        """Return the random gradient estimator."""
        training = self._training
        return RandomGradient(
            self._size,
            training.queries,
            self._random_step(),
            self._weight.step,
            self._distribution,
            training.bits,
            self._engine.lfsr,
            training.seed,
            training.one_sided,
            training.shrink,
            blocks(self._plan, training.perturb),
        )

    def _random_step(self) -> int:
        """Return the scale of random directions in raw weight units."""
        training = self._training
        return epsilon_raw(training.epsilon, self._weight, self._distribution, training.bits)

    def _coordinate_step(self) -> int:
        """Return the step of single parameters in raw weight units."""
        hybrid = self._training.hybrid
        epsilon = hybrid.epsilon if hybrid and hybrid.epsilon else self._training.epsilon
        return epsilon_raw(epsilon, self._weight, Distribution.ONE_HOT, 1)

    def _weight_bounds(self) -> tuple[float, float]:
        """Return the range of a weight that no perturbation takes out of the format."""
        training, swing = self._training, 0
        if self._random:
            largest = {
                Distribution.UNIFORM: (1 << training.bits) - 1,
                Distribution.BINOMIAL: training.bits,
            }
            swing = self._random_step() * largest.get(self._distribution, 1)
        if training.estimator != "rge" and training.form != "greedy":
            swing = max(swing, self._coordinate_step())
        if swing >= self._weight.max_raw:
            raise UserError(
                f"training.epsilon must leave room for weights: {training.epsilon} is the whole "
                f"range of formats.weight ({self._weight}), choose a smaller one"
            )
        step = self._weight.step
        return (self._weight.min_raw + swing) * step, (self._weight.max_raw - swing) * step


def _check_register(training: TrainingTable, size: int, engine: EngineParameters) -> None:
    """Refuse a register that repeats within one perturbation, which biases the gradient."""
    if training.bits > engine.max_bits:
        raise UserError(
            f"training.bits must be at most {engine.max_bits}, the engine's max_bits, "
            f"not {training.bits}"
        )
    drawn, lfsr = size * training.bits, engine.lfsr
    if lfsr.period < drawn:
        raise UserError(
            f"engine.lfsr of {lfsr.width} bits repeats after {lfsr.period} bits, but a "
            f"perturbation of {size} parameters draws {drawn}: take one of at least "
            f"{drawn.bit_length()} bits"
        )
