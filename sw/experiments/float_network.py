"""Networks in floating point, stage by stage, for NumPy arrays and PyTorch tensors alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.data.samples import Samples, load_samples, with_data_folder
from tenzo.sw.networks.float_stages import FloatStage, float_stages
from tenzo.sw.networks.network import Network
from tenzo.sw.program import Activation
from tenzo.sw.training import losses
from tenzo.sw.training.evaluation import Evaluation, evaluate_solution
from tenzo.sw.training.runs import open_run

Array = Any
"""A NumPy array or a PyTorch tensor."""


def apply_network(
    stages: Sequence[FloatStage],
    weights: Array,
    columns: Array,
    activate: Callable[[Activation, Array], Array],
    mask: Array | float = 1.0,
) -> Array:
    """Return outputs of shape (outputs, columns).

    Parameters
    ----------
    stages : sequence of :class:`FloatStage`
    weights : float array of shape (parameters,)
    columns : float array of shape (inputs, columns)
        A sample, or a derivative of one, in each column.
    activate
        Applies an activation to an array (values, columns).
    mask
        1 for columns that get biases, 0 for others.
    """
    values, count = columns, columns.shape[1]
    for left, J, K, right, first, bias, activation in stages:
        matrix = weights[first : first + J * K].reshape(J, K)
        values = (matrix @ values.reshape(left, K, right * count)).reshape(-1, count)
        if bias is not None:
            values = values + weights[bias : bias + len(values)].reshape(-1, 1) * mask
        if activation != Activation.NONE:
            values = activate(activation, values)
    return values


def float_outputs(network: Network, weights: Array, x: Array) -> Array:
    """Return outputs, float64 of shape (samples, outputs), of samples (samples, inputs)."""
    columns = np.ascontiguousarray(np.asarray(x, np.float64).T)
    stages, weights = float_stages(network), np.asarray(weights, np.float64)
    return apply_network(stages, weights, columns, _activate).T


def score(config: Config, samples: Samples, weights: Array, split: str) -> Evaluation:
    """Score weights on a split; the loss of a classifier is not computed."""
    part = getattr(samples, split)
    x = part.samples_raw * config.activation_format().step
    outputs = float_outputs(config.network(), weights, x)
    if part.solution is not None:
        return evaluate_solution(outputs, part.targets, part.solution)
    return Evaluation(math.nan, accuracy=losses.accuracy(outputs, part.targets))


def score_run(path: Path, data: str | None = None, split: str = "test") -> Evaluation:
    """Score the network in the folder of a first-order run again."""
    run = open_run(path)
    config = with_data_folder(load_config(run.path), data)
    return score(config, load_samples(config), run.load()["weights"], split)


def _activate(activation: Activation, values: Array) -> Array:
    """Apply an activation in NumPy."""
    if activation == Activation.RELU:
        return np.maximum(values, 0.0)
    return np.sin(values) if activation == Activation.SINE else np.tanh(values)
