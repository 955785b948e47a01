"""One stage of the golden model: a loop nest as a matrix product on views of lane memory.

Arrays have the batch innermost: lane memory (queries, words, samples), parameters (queries, words),
so that one stage is one ``numpy.matmul`` of W (queries, ..., J, K) with inputs
(queries, ..., K, right * samples). Values are raw integers in float64; why that is exact is proven
in ``docs/numbers.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.golden.operand import Operand
from tenzo.sw.program import ADDRESS_MODULUS, Activation, Stage

FloatArray = npt.NDArray[np.float64]

EXACT_LIMIT = 1 << 53
"""Below this magnitude every integer is exact in float64."""

LEFT1, LEFT0, RIGHT1, RIGHT0, J, K = range(6)


@dataclass(frozen=True)
class LaneArrays:
    """What the stages of a program compute on.

    Parameters
    ----------
    samples : float64 array of shape (1, inputs, samples)
    memory : float64 array of shape (queries, words, samples)
        Words ``first_word`` and on of lane memory.
    results : float64 array of shape (queries, outputs, samples)
    weights : float64 array of shape (queries, weight_count, 1)
    biases : float64 array of shape (queries, bias_count, 1)
    scratch : float64 array, flat
        At least as large as the largest output of a stage.
    first_word : :class:`int`
    """

    samples: FloatArray
    memory: FloatArray
    results: FloatArray
    weights: FloatArray
    biases: FloatArray
    scratch: FloatArray
    first_word: int


def exact_bound(stage: Stage, engine: EngineParameters) -> int:
    """Return the largest magnitude that a sum of a stage can have, half a unit included."""
    weight = 1 if stage.unit_weight else 1 << (engine.weight.width - 1)
    bias = 1 << (engine.weight.width - 1 + stage.bias_shift) if stage.use_bias else 0
    products = stage.counts[K] * weight << (engine.activation.width - 1)
    return products + bias + ((1 << stage.shift) >> 1)


@dataclass(frozen=True)
class LoopOrder:
    """How the counters of a stage become the axes of a matrix product.

    Parameters
    ----------
    outer : tuple of :class:`int`
        Counters that the product repeats over.
    rows : tuple of :class:`int`
        ``j``, the rows of W; empty if the input moves with j, which then is an outer counter.
    inner : tuple of :class:`int`
        Right counters that are columns of the product, beside the samples: their words are
        neighbours of the samples in memory, and all of them meet the same weights.
    """

    outer: tuple[int, ...]
    rows: tuple[int, ...]
    inner: tuple[int, ...]

    @classmethod
    def of(cls, stage: Stage) -> LoopOrder:
        """Return the order for a stage."""

        def inner(axis: int, stride: int) -> bool:
            same_weight = stage.unit_weight or stage.weight_strides[axis] % ADDRESS_MODULUS == 0
            return stage.counts[axis] == 1 or (same_weight and stage.input_strides[axis] == stride)

        moving = stage.counts[J] > 1 and stage.input_strides[J] % ADDRESS_MODULUS != 0
        outer, rows = ((LEFT1, LEFT0, J), ()) if moving else ((LEFT1, LEFT0), (J,))
        if not inner(RIGHT0, 1):
            return cls((*outer, RIGHT1, RIGHT0), rows, ())
        if not inner(RIGHT1, stage.counts[RIGHT0]):
            return cls((*outer, RIGHT1), rows, (RIGHT0,))
        return cls(outer, rows, (RIGHT1, RIGHT0))


class StageKernel:
    """A stage bound to arrays: calling :meth:`run` computes it for all queries and samples.

    Axes are (query, outer counters, rows, inner counters, sample), see :class:`LoopOrder`.

    Parameters
    ----------
    stage : :class:`Stage`
        Checked by :func:`tenzo.sw.planning.program_check.check_program`.
    engine : :class:`EngineParameters`
    arrays : :class:`LaneArrays`
    """

    def __init__(self, stage: Stage, engine: EngineParameters, arrays: LaneArrays) -> None:
        self._stage = stage
        width = engine.activation.width if stage.narrow else RESULT_WIDTH
        self._table = engine.table if stage.activation.uses_table else None
        self._low, self._high = -(2.0 ** (width - 1)), 2.0 ** (width - 1) - 1
        self._scale = 2.0**-stage.shift
        self._half = 0.5 if stage.shift else 0.0
        self._exact = exact_bound(stage, engine) < EXACT_LIMIT
        order = LoopOrder.of(stage)
        self._bind_inputs(arrays, order)
        self._bind_weights(arrays, order)
        self._bind_outputs(arrays, order)

    def _bind_inputs(self, arrays: LaneArrays, order: LoopOrder) -> None:
        """Make the operand of shape (queries, outer, K, inner * samples)."""
        stage = self._stage
        source, first = (
            (arrays.samples, 0) if stage.sample_input else (arrays.memory, arrays.first_word)
        )
        axes = (*order.outer, K, *order.inner)
        self._inputs = Operand(
            source, stage.counts, stage.input_base, stage.input_strides, axes, first
        )
        self._input_shape = (*self._inputs.shape[: 2 + len(order.outer)], -1)

    def _bind_weights(self, arrays: LaneArrays, order: LoopOrder) -> None:
        """Make the operand of shape (queries, outer, rows, K).

        An outer counter that does not move the weight has one element there.
        """
        stage = self._stage
        rows = math.prod(stage.counts[axis] for axis in order.rows)
        self._weights: Operand | None = None
        if stage.unit_weight:
            shape = (1,) * (1 + len(order.outer)) + (rows, stage.counts[K])
            self._weight = np.full(shape, self._scale, arrays.scratch.dtype)
            return
        counts = [
            count if stride % ADDRESS_MODULUS or axis not in order.outer else 1
            for axis, (count, stride) in enumerate(
                zip(stage.counts, stage.weight_strides, strict=True)
            )
        ]
        axes = (*order.outer, *order.rows, K)
        self._weights = Operand(
            arrays.weights, counts, stage.weight_base, stage.weight_strides, axes
        )
        lead = self._weights.shape[: 1 + len(order.outer)]
        self._weight = np.empty((*lead, rows, stage.counts[K]), arrays.scratch.dtype)
        self._scaled = self._weight.reshape(self._weights.shape)

    def _bind_outputs(self, arrays: LaneArrays, order: LoopOrder) -> None:
        """Make the sums, the bias beside them, and the place of what they become."""
        stage = self._stage
        target, first = (
            (arrays.results, 0) if stage.to_results else (arrays.memory, arrays.first_word)
        )
        axes = (*order.outer, *order.rows, *order.inner)
        self._outputs = Operand(
            target, stage.counts, stage.output_base, stage.output_strides, axes, first
        )
        self._biases: Operand | None = None
        if stage.use_bias:
            self._biases = Operand(
                arrays.biases, stage.counts, stage.bias_base, stage.bias_strides, axes
            )
        shape = self._outputs.shape
        self._flat = arrays.scratch[: math.prod(shape)]
        self._sums = self._flat.reshape(shape)
        lead = shape[: 1 + len(order.outer)]
        self._product = self._flat.reshape(*lead, self._weight.shape[-2], -1)

    def run(self) -> int:
        """Compute the stage; return how many values saturated."""
        sums = self.accumulate()
        saturated = 0
        above = self._high + 1
        if sums.max() >= above or sums.min() < self._low:
            saturated = int(np.count_nonzero(sums >= above) + np.count_nonzero(sums < self._low))
            np.minimum(sums, self._high, out=sums)
            np.maximum(sums, self._low, out=sums)
        if self._stage.activation == Activation.RELU:
            np.maximum(sums, 0.0, out=sums)
        elif self._table is not None:
            arguments = np.floor(sums).astype(np.int64)
            sums[...] = self._table.apply(self._stage.activation, arguments)
        self._outputs.store_floor(self._sums)
        return saturated

    def accumulate(self) -> FloatArray:
        """Return ``(sum + half) * 2^-shift``, float64, flat: scratch memory.

        Exact; where float64 could round, the floor of it, worked out in int64.
        """
        inputs = self._inputs.load().reshape(self._input_shape)
        if not self._exact:
            self._accumulate_integers(inputs)
            return self._flat
        if self._weights is not None:
            np.multiply(self._weights.load(), self._scale, out=self._scaled)
        np.matmul(self._weight, inputs, out=self._product)
        if self._biases is not None:
            addend = self._biases.load() * (2.0**self._stage.bias_shift * self._scale) + self._half
            np.add(self._sums, addend, out=self._sums)
        elif self._half:
            np.add(self._flat, self._half, out=self._flat)
        return self._flat

    def _accumulate_integers(self, inputs: FloatArray) -> None:
        """Compute the sums in int64: correct for every engine, and slow."""
        stage = self._stage
        if self._weights is None:
            weight = np.ones(self._weight.shape, dtype=np.int64)
        else:
            weight = self._weights.load().astype(np.int64).reshape(self._weight.shape)
        product = np.matmul(weight, inputs.astype(np.int64))
        sums = np.broadcast_to(product, self._product.shape).reshape(self._sums.shape)
        if self._biases is not None:
            sums = sums + (self._biases.load().astype(np.int64) << stage.bias_shift)
        self._sums[...] = (sums + ((1 << stage.shift) >> 1)) >> stage.shift
