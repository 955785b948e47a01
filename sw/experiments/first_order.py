"""First-order baselines: the same network, data and schedule, trained by back-propagation.

PyTorch computes gradients in float32 with derivatives by automatic differentiation; optimiser,
minibatches, points and initial weights are those of a run without back-propagation.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import Samples, load_samples
from tenzo.sw.errors import InfiniteLossError, UserError
from tenzo.sw.experiments import torch_losses
from tenzo.sw.experiments.float_network import score
from tenzo.sw.networks.float_stages import float_stages
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.numerics import FloatArray
from tenzo.sw.problems.samples import configured_problem
from tenzo.sw.training.averaging import WeightAverage
from tenzo.sw.training.evaluation import Evaluation
from tenzo.sw.training.interruption import Interrupted, Interruption
from tenzo.sw.training.minibatches import make_source
from tenzo.sw.training.runs import RunFolder

_AVERAGE, _OPTIMISER = "average.", "optimiser."
NUMBERS = "float32, PyTorch, back-propagation"


def train_first_order(
    config: Config, folder: Path, stop: Interruption, digest: str
) -> dict[str, Any]:
    """Train a network by back-propagation, or what is left of it; return its summary.

    Raises
    ------
    UserError
        If the loss has no form in PyTorch, or the folder is another run's.
    Interrupted
        When the interruption comes; the checkpoint is written.
    """
    torch.set_num_threads(1)
    samples = load_samples(config)
    resumes = (folder / "config.toml").is_file()
    run = RunFolder.resume(config, folder) if resumes else RunFolder.create(config, folder)
    trainer = FirstOrder(config, samples)
    arrays = run.restore(digest, samples.digest) if resumes else None
    if arrays is not None:
        trainer.load_state(arrays)
    training = config.training
    saved_at = time.perf_counter()
    try:
        while trainer.step < training.steps:
            stop.check()
            trainer.run_step()
            if trainer.step % training.log_steps == 0 or trainer.step == training.steps:
                run.append(trainer.record())
            if time.perf_counter() - saved_at > training.checkpoint_seconds:
                run.save(trainer.state(), digest)
                saved_at = time.perf_counter()
        run.save(trainer.state(), digest)
    except KeyboardInterrupt:
        run.save(trainer.state(), digest)
        raise Interrupted(2, f"stopped at step {trainer.step} of {training.steps}") from None
    finally:
        run.unlock()
    return trainer.summary()


class FirstOrder:
    """State of a training run by back-propagation.

    Parameters
    ----------
    config : :class:`Config`
    samples : :class:`Samples`
    """

    def __init__(self, config: Config, samples: Samples) -> None:
        training = config.training
        self.config, self.samples = config, samples
        network = config.network()
        self.weights: FloatArray = initial_vector(network, training.seed)
        self.optimiser = training.make_optimiser(len(self.weights))
        self.schedule = training.make_schedule()
        self.source = make_source(config, samples)
        self.stages = float_stages(network)
        self.problem = configured_problem(config)[0] if config.problem is not None else None
        self._loss = self._choose_loss()
        self.average = WeightAverage(len(self.weights), training.steps, training.average)
        self.step = self.forward_passes = 0
        self.loss_sum = self.seconds = 0.0

    def run_step(self) -> None:
        """Make one step."""
        start = time.perf_counter()
        weights = torch.tensor(self.weights, dtype=torch.float32, requires_grad=True)
        loss, passes = self._loss(weights)
        loss.backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InfiniteLossError(
                f"the loss of back-propagation must stay finite, not {value} in step "
                f"{self.step + 1}: take a smaller training.learning_rate"
            )
        gradient: Any = weights.grad
        rate = self.schedule.rate(self.step, self.config.training.steps)
        self.optimiser.step(self.weights, gradient.numpy().astype(np.float64), rate)
        self.loss_sum += value
        self.forward_passes += passes
        self.step += 1
        self.average.add(self.step, self.weights)
        self.seconds += time.perf_counter() - start

    def record(self) -> dict[str, Any]:
        """Return a record of the metrics, with scores where an evaluation is due."""
        training = self.config.training
        steps = self.step % training.log_steps or training.log_steps
        record = {
            "step": self.step,
            "loss": self.loss_sum / steps,
            "forward_passes": self.forward_passes,
            "elapsed_seconds": self.seconds,
        }
        self.loss_sum = 0.0
        every = training.evaluate_steps
        due = every and self.step // every > (self.step - steps) // every
        if due or self.step == training.steps:
            scores = self._score("validation").scores
            record.update({f"validation_{name}": score for name, score in scores.items()})
        return record

    def state(self) -> dict[str, Any]:
        """Return all that the next steps depend on; weights in float32 are the network."""
        numbers = ("step", "forward_passes", "loss_sum", "seconds")
        return {
            **{name: np.array(getattr(self, name)) for name in numbers},
            "weights": self._evaluated(),
            **{f"{_AVERAGE}{key}": part for key, part in self.average.state(self.weights).items()},
            "data_digest": np.frombuffer(self.samples.digest.encode(), np.uint8),
            **{f"{_OPTIMISER}{name}": array for name, array in self.optimiser.state().items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.step, self.forward_passes = int(state["step"]), int(state["forward_passes"])
        self.loss_sum, self.seconds = float(state["loss_sum"]), float(state["seconds"])
        self.weights = self.average.load_state(_below(_AVERAGE, state))
        self.optimiser.load_state(_below(_OPTIMISER, state))

    def summary(self) -> dict[str, Any]:
        """Return the result on test data, and what it took."""
        result = self._score("test")
        scores = {"test_accuracy": result.accuracy, "relative_l2": result.relative_l2}
        peers = {"zero_network": result.zero_network, "best_constant": result.best_constant}
        found = {key: value for key, value in {**scores, **peers}.items() if value is not None}
        return {
            **found,
            "parameters": len(self.weights),
            "steps": self.step,
            "forward_passes": self.forward_passes,
            "number_format": NUMBERS,
            "train_seconds": self.seconds,
        }

    def _evaluated(self) -> npt.NDArray[np.float32]:
        """Return the weights to evaluate, averaged if asked for."""
        return self.average.of(self.weights).astype(np.float32)

    def _score(self, split: str) -> Evaluation:
        return score(self.config, self.samples, self._evaluated(), split)

    def _choose_loss(self) -> Callable[[torch.Tensor], tuple[torch.Tensor, int]]:
        """Return the loss of a step, and the forward passes that its gradient counts as."""
        if self.problem is not None:
            return self._residual
        if self.config.training.loss != "cross-entropy":
            raise UserError(
                f"first order needs the loss cross-entropy, not {self.config.training.loss!r}"
            )
        return self._classes

    def _classes(self, weights: torch.Tensor) -> tuple[torch.Tensor, int]:
        samples_raw, labels = self.source.minibatch(self.step)
        unit = self.config.activation_format().step
        samples = torch.from_numpy(samples_raw * unit).to(torch.float32)
        loss = torch_losses.class_loss(self.stages, weights, samples, torch.from_numpy(labels))
        return loss, torch_losses.PASSES * len(labels)

    def _residual(self, weights: torch.Tensor) -> tuple[torch.Tensor, int]:
        problem: Any = self.problem
        points = self.source.minibatch(self.step).targets
        fields = points.fields(np.zeros((1, len(points.samples_raw), 1)), 0)
        loss = torch_losses.residual_loss(problem, self.stages, weights, fields)
        columns = sum(
            len(field.points) * (1 + 2 * problem.inputs * (name in problem.differentiated))
            for name, field in fields.items()
        )
        return loss, torch_losses.PASSES * columns


def _below(prefix: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a checkpoint whose names begin with a prefix, without it."""
    return {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
