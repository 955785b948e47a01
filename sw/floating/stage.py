"""A stage in floating point: the loop nest of the golden model without its roundings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.stage import LaneArrays, StageKernel
from tenzo.sw.program import Activation, Stage

Floats = npt.NDArray[Any]
"""float32 or float64."""


def activate(sums: Floats, activation: Activation, engine: EngineParameters) -> Floats:
    """Apply an activation in place, and return the array.

    Values stand in the units of the fixed-point formats; sine and tanh are those of NumPy.
    """
    if activation == Activation.RELU:
        np.maximum(sums, 0.0, out=sums)
    elif activation.uses_table:
        function = np.sin if activation == Activation.SINE else np.tanh
        np.multiply(sums, 2.0**-engine.table.frac_bits, out=sums)
        function(sums, out=sums)
        np.multiply(sums, 2.0**engine.table.output_frac_bits, out=sums)
    return sums


class FloatStage(StageKernel):
    """A stage that keeps its sums as they are, in the type of the arrays.

    Values stand in the units of the fixed-point formats, so that nothing else changes: shifts
    become factors, which are powers of two. Nothing saturates.

    Parameters
    ----------
    stage, engine, arrays
        As for :class:`StageKernel`.
    """

    def __init__(self, stage: Stage, engine: EngineParameters, arrays: LaneArrays) -> None:
        super().__init__(stage, engine, arrays)
        self._engine = engine

    def run(self) -> int:
        """Compute the stage; return 0, the number of values that saturated."""
        inputs = self._inputs.load().reshape(self._input_shape)
        if self._weights is not None:
            np.multiply(self._weights.load(), self._scale, out=self._scaled)
        np.matmul(self._weight, inputs, out=self._product)
        if self._biases is not None:
            scale = 2.0**self._stage.bias_shift * self._scale
            np.add(self._sums, self._biases.load() * scale, out=self._sums)
        self._outputs.store(activate(self._sums, self._stage.activation, self._engine))
        return 0
