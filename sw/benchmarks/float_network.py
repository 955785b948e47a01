"""Networks in floating point, contracted core by core as an engine does: NumPy's form of a pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.networks.float_stages import FloatStage
from tenzo.sw.program import Activation

Array = npt.NDArray[Any]


def float_outputs(stages: list[FloatStage], weights: Array, x: Array) -> Array:
    """Return outputs of shape (rows, outputs, samples), in the type of the weights.

    Parameters
    ----------
    stages : list of :class:`FloatStage`
    weights : float array of shape (rows, parameters)
        One row per query.
    x : float array of shape (samples, inputs)
    """
    rows, samples = len(weights), len(x)
    values = np.broadcast_to(x.T, (rows, x.shape[1], samples))
    for left, J, K, right, first, bias, activation in stages:
        matrix = weights[:, first : first + J * K].reshape(rows, 1, J, K)
        values = np.matmul(matrix, values.reshape(rows, left, K, right * samples))
        values = values.reshape(rows, left * J * right, samples)
        if bias is not None:
            values += weights[:, bias : bias + left * J * right, None]
        if activation == Activation.RELU:
            np.maximum(values, 0, out=values)
    return values
