"""Coordinate sweeps in floating point: what changes is passed on, stage by stage.

A changed weight adds ``step * input`` to the sums of its row. A stage is linear, so the changes of
its sums are its matrix times the changes of its inputs, where there are any; only in front of a
sine, tanh or ReLU are the unchanged sums needed. Which values change says
:mod:`tenzo.sw.planning.delta`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.floating.kernel import FloatKernel
from tenzo.sw.floating.stage import Floats, activate
from tenzo.sw.golden.coordinates import CoordinateOutputs
from tenzo.sw.planning.delta import Coordinate, Deltas, Row, Slice, Span
from tenzo.sw.program import Activation, Program, Stage

IntArray = npt.NDArray[np.int64]

OUTPUT_BYTES = 32 << 20
"""Outputs that are yielded together take about this much memory."""

BLOCK_SAMPLES = 256
"""Samples that one thread computes at a time: measured on 21-512-512-1, 0.85 milliseconds a sample
and sweep, 1.0 for 128 samples and 1.4 for 64, where the time of Python's calls weighs more."""

TOGETHER_VALUES = 1 << 18
"""Coordinates of a row are computed together until a stage has about this many values."""


class _Stage(NamedTuple):
    """One stage with its weights.

    Parameters
    ----------
    stage : :class:`Stage`
    weight : float32 array of shape (J, K)
        In units of outputs over inputs.
    bias : float32 array of shape (left, J, right, 1), or 0.0
    shape : four :class:`int`
        left, J, K, right.
    """

    stage: Stage
    weight: Floats
    bias: Floats | float
    shape: tuple[int, int, int, int]


class _Kept(NamedTuple):
    """What one stage computed for a block of samples.

    Parameters
    ----------
    inputs : float32 array of shape (left, K, right, samples)
    sums, outputs : float32 arrays of shape (left, J, right, samples)
        Before and after the activation.
    """

    inputs: Floats
    sums: Floats
    outputs: Floats


class FloatSweep:
    """Structured evaluation of coordinates in float32.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    kernel : :class:`FloatKernel`
        Its threads compute.
    program : :class:`Program`

    Raises
    ------
    UserError
        If a stage is not a plain product over [left][K][right], as those of the planner are.
    """

    def __init__(self, engine: EngineParameters, kernel: FloatKernel, program: Program) -> None:
        self._engine, self._kernel, self._program = engine, kernel, program
        self._rows = Deltas(program).rows
        self._first_address = np.array([row.first_address for row in self._rows])

    def evaluate(
        self, parameters_raw: IntArray, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Yield the outputs of all coordinates, float64, in order.

        Parameters
        ----------
        parameters_raw : int64 array of shape (parameter_count,)
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
        """
        stages = self._stages(parameters_raw)
        count, width = len(samples_raw), self._program.output_count
        together = max(1, OUTPUT_BYTES // (8 * width * max(1, count)))
        blocks = [slice(first, first + BLOCK_SAMPLES) for first in range(0, count, BLOCK_SAMPLES)]
        for first in range(0, len(coordinates), together):
            some = coordinates[first : first + together]
            outputs: Floats = np.empty((len(some), count, width))
            groups = self._groups(parameters_raw, some)

            def run(block: slice, groups: _Groups = groups, outputs: Floats = outputs) -> None:
                self._block(stages, samples_raw[block], groups, outputs[:, block])

            self._kernel.map(run, blocks)
            yield CoordinateOutputs(first, outputs)

    def _stages(self, parameters_raw: IntArray) -> list[_Stage]:
        """Return all stages with their weights."""
        found = []
        for stage in self._program.stages:
            _, left, _, right, J, K = stage.counts
            first = stage.weight_base
            weight = parameters_raw[first : first + J * K].reshape(J, K) * 2.0**-stage.shift
            bias: Floats | float = 0.0
            if stage.use_bias:
                first = self._program.weight_count + stage.bias_base
                words = parameters_raw[first : first + left * J * right]
                scaled = words * 2.0 ** (stage.bias_shift - stage.shift)
                bias = scaled.reshape(left, J, right, 1).astype(np.float32)
            found.append(_Stage(stage, weight.astype(np.float32), bias, (left, J, K, right)))
        return found

    def _groups(self, parameters_raw: IntArray, coordinates: Sequence[Coordinate]) -> _Groups:
        """Return rows, each with the indices, terms and steps of its coordinates."""
        addresses, steps = np.array(coordinates, dtype=np.int64).reshape(-1, 2).T
        before = parameters_raw[addresses]
        weight = self._engine.weight
        steps = np.clip(before + steps, weight.min_raw, weight.max_raw) - before
        rows = np.searchsorted(self._first_address, addresses, side="right") - 1
        order = np.argsort(rows, kind="stable")
        cuts = np.flatnonzero(np.diff(rows[order])) + 1
        return [
            (self._rows[rows[some[0]]], some, addresses[some], steps[some].astype(np.float32))
            for some in np.split(order, cuts)
            if some.size
        ]

    def _block(
        self, stages: Sequence[_Stage], samples_raw: IntArray, groups: _Groups, outputs: Floats
    ) -> None:
        """Evaluate all coordinates on a block of samples."""
        kept = self._base(stages, samples_raw)
        count = len(samples_raw)
        outputs[...] = kept[-1].outputs.reshape(-1, count).T
        for row, indices, addresses, steps in groups:
            widest = max(part.outputs for part in (row.own, *row.chain))
            together = max(1, TOGETHER_VALUES // (widest * count))
            for first in range(0, len(indices), together):
                some = slice(first, first + together)
                terms = addresses[some] - row.first_address
                change = _own_change(stages, kept, row, terms, steps[some])
                part, change = self._chain(stages, kept, row, change)
                _, J, _, right = stages[part.stage].shape
                columns = _addresses(part.left, part.rows, part.right, J, right)
                changed = change.reshape(len(terms), len(columns), count).swapaxes(1, 2)
                outputs[np.ix_(indices[some], np.arange(count), columns)] += changed

    def _chain(
        self, stages: Sequence[_Stage], kept: Sequence[_Kept], row: Row, change: Floats
    ) -> tuple[Slice, Floats]:
        """Return the last slice of a row and the changes there, for changes of the row's sums."""
        change = self._activated(stages, kept, row.own, change)
        before = row.own
        for part in row.chain:
            change = _passed_on(stages, before, part, change)
            change = self._activated(stages, kept, part, change)
            before = part
        return before, change

    def _base(self, stages: Sequence[_Stage], samples_raw: IntArray) -> list[_Kept]:
        """Evaluate the unchanged network."""
        values: Floats = samples_raw.T.astype(np.float32)
        kept = []
        for stage, weight, bias, (left, J, K, right) in stages:
            inputs = values.reshape(left, K, right, -1)
            sums = np.matmul(weight, inputs.reshape(left, K, -1)).reshape(left, J, right, -1)
            sums += bias
            values = sums
            if stage.activation != Activation.NONE:
                values = activate(sums.copy(), stage.activation, self._engine)
            kept.append(_Kept(inputs, sums, values))
        return kept

    def _activated(
        self, stages: Sequence[_Stage], kept: Sequence[_Kept], part: Slice, change: Floats
    ) -> Floats:
        """Return the changes of outputs for changes of sums, (coordinates, l, j, r, samples)."""
        activation = stages[part.stage].stage.activation
        if activation == Activation.NONE:
            return change
        at = _places(part)
        change += kept[part.stage].sums[at]
        activate(change, activation, self._engine)
        change -= kept[part.stage].outputs[at]
        return change


_Groups = list[tuple[Row, IntArray, IntArray, Floats]]
"""Rows with the indices of their coordinates, their addresses, and their float32 steps."""


def _own_change(
    stages: Sequence[_Stage], kept: Sequence[_Kept], row: Row, terms: IntArray, steps: Floats
) -> Floats:
    """Return the changes of the sums of a row, (coordinates, l, 1, r, samples)."""
    stage = stages[row.own.stage].stage
    inputs = kept[row.own.stage].inputs
    if row.is_bias:
        shape = len(steps), 1, 1, 1, inputs.shape[-1]
        scale = np.float32(2.0 ** (stage.bias_shift - stage.shift))
        return np.broadcast_to((steps * scale)[:, None, None, None, None], shape).copy()
    chosen = inputs[:, terms].swapaxes(0, 1)
    scaled = steps * np.float32(2.0**-stage.shift)
    return (chosen * scaled[:, None, None, None])[:, :, None]


def _passed_on(stages: Sequence[_Stage], before: Slice, part: Slice, change: Floats) -> Floats:
    """Return the changes of a slice's sums for the changed outputs of the stage before it.

    Both enumerate the values between the two stages in the order of their addresses; where the
    slice reads more of them than changed, zeros fill in.
    """
    _, weight, _, (_, J, K, right) = stages[part.stage]
    count, samples = len(change), change.shape[-1]
    if not part.is_exact:
        _, rows, _, columns = stages[before.stage].shape
        have = _addresses(before.left, before.rows, before.right, rows, columns)
        want = _addresses(part.left, part.terms, part.right, K, right)
        whole = np.zeros((count, len(want), samples), np.float32)
        whole[:, np.searchsorted(want, have)] = change.reshape(count, -1, samples)
        change = whole
    sizes = part.left.size, part.terms.size, part.right.size
    inputs = change.reshape(count, sizes[0], sizes[1], sizes[2] * samples)
    product = np.matmul(weight[:, _along(part.terms)], inputs)
    return product.reshape(count, sizes[0], J, sizes[2], samples)


def _along(span: Span) -> slice | list[int]:
    """Return a span as an index: a slice, which copies nothing, where it is one."""
    if span.outer == 1:
        return slice(span.base, span.base + span.inner * span.stride, span.stride)
    return span.indices()


@lru_cache(maxsize=1 << 14)
def _places(part: Slice) -> tuple[Any, ...]:
    """Return the index of a slice's outputs in [left][J][right]."""
    spans = part.left, part.rows, part.right
    if all(span.outer == 1 for span in spans):
        return tuple(_along(span) for span in spans)
    return np.ix_(*(span.indices() for span in spans))


@lru_cache(maxsize=1 << 14)
def _addresses(left: Span, rows: Span, right: Span, J: int, columns: int) -> IntArray:
    """Return the places of values [left][J][right], in rising order."""
    parts = np.array(left.indices()), np.array(rows.indices()), np.array(right.indices())
    outer, middle, inner = np.ix_(*parts)
    return ((outer * J + middle) * columns + inner).ravel()
