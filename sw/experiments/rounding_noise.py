"""The noise that rounding makes in a Laplacian: measured beside what the planner predicts."""

from __future__ import annotations

import numpy as np

from tenzo.sw.configuration.config import Config
from tenzo.sw.experiments.outcome import Outcome, published
from tenzo.sw.problems.noise import NoisyProblem
from tenzo.sw.training.checkpoint import load_checkpoint
from tenzo.sw.training.interruption import Interruption


def measure(
    config: Config,
    stop: Interruption,
    points: int = 256,
    output_bits: int | None = None,
    trained: str | None = None,
) -> Outcome:
    """Measure the standard deviation of the Laplacian's error over random points.

    Parameters
    ----------
    config : :class:`Config`
        With a table ``[problem]``; its seed chooses the weights.
    stop : :class:`Interruption`
    points : :class:`int`
        The relative standard error of the value is about ``1 / sqrt(2 points)``.
    output_bits : :class:`int`, optional
        Round the outputs alone, to so many fractional bits, instead of every stage.
    trained : :class:`str`, optional
        Take published weights, EXPERIMENT/VARIANT of the results, instead of initial ones.

    Returns
    -------
    An outcome whose value is measured; ``theory`` in its details is the prediction.
    """
    stop.check()
    weights = None
    if trained is not None:
        checkpoint = published(trained, config.training.seed)
        weights = load_checkpoint(checkpoint)["weights"].astype(np.float64)
    noisy = NoisyProblem(config, weights)
    engine = noisy.plan.engine
    if output_bits is None:
        measured, theory = noisy.measured(points).laplacian, noisy.predicted().laplacian
        numbers = f"fixed: activations {engine.activation}, weights {engine.weight}"
    else:
        measured = noisy.measured_of_outputs(output_bits, points)
        theory = noisy.predicted_of_outputs(output_bits)
        numbers = f"outputs of {output_bits} fractional bits, the rest float64"
    return Outcome(
        value=measured,
        parameters=noisy.plan.parameter_count,
        forward_passes=points * noisy.derivatives.node_count,
        steps=0,
        number_format=numbers,
        details={"theory": theory},
    )
