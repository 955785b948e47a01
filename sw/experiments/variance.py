"""The variance of random gradient estimates, measured against the gradient itself."""

from __future__ import annotations

from typing import cast

import numpy as np

from tenzo.sw.configuration.config import Config, parse_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.devices import open_device
from tenzo.sw.experiments.outcome import Outcome
from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.training.estimators import Estimator
from tenzo.sw.training.interruption import Interruption
from tenzo.sw.training.objective import MinibatchObjective
from tenzo.sw.training.trainer import Trainer


def measure(config: Config, stop: Interruption, draws: int = 64) -> Outcome:
    """Measure E ``|g - grad|^2 / |grad|^2`` at the initial weights, on the first minibatch.

    The expectation is a mean over ``draws`` independent estimates g, each of the configuration's
    ``queries``, ``epsilon`` and ``distribution``. The gradient grad is coordinate-wise, central,
    with the same epsilon. For Rademacher directions and a small epsilon theory says
    (d - 1) / queries for d parameters.

    Parameters
    ----------
    config : :class:`Config`
        Its seed chooses weights, minibatch and directions.
    stop : :class:`Interruption`
    draws : :class:`int`

    Returns
    -------
    An outcome whose value is the mean; details hold what theory says and ``|grad|``.
    """
    device = open_device("golden", config.engine())
    try:
        samples = load_samples(config)
        trainer = Trainer(config, device, samples)
        trainer.start()
        minibatch = trainer.source.minibatch(0)
        objective = MinibatchObjective(device, trainer.plan.program, trainer.loss, *minibatch)
        exact = _estimator(Trainer(_exact(config), device, samples))
        gradient = exact.estimate(objective, 0).gradient
        random = _estimator(trainer)
        square, passes = _square(gradient), 0.0
        errors = np.empty(draws)
        for draw in range(draws):
            stop.check()
            estimate = random.estimate(objective, draw)
            errors[draw] = _square(estimate.gradient - gradient) / square
            passes += estimate.passes
    finally:
        device.close()
    theory = (trainer.size - 1) / config.training.queries
    return Outcome(
        value=float(fixed_sum(errors)) / draws,
        parameters=trainer.size,
        forward_passes=round(passes * len(minibatch.samples_raw)),
        steps=draws,
        number_format=f"fixed: activations {device.engine.activation}, "
        f"weights {device.engine.weight}",
        details={"theory": theory, "gradient_norm": float(np.sqrt(square))},
    )


def _exact(config: Config) -> Config:
    """Return the configuration with central coordinate-wise gradients."""
    document = config.document()
    changed = {**document["training"], "estimator": "cge", "central": True}
    return parse_config({**document, "training": changed})


def _estimator(trainer: Trainer) -> Estimator:
    """Return the estimator of a trainer, whose gradient is not thrown away."""
    return cast(Estimator, trainer.estimator)


def _square(values: FloatArray) -> float:
    return float(fixed_sum(values * values))
