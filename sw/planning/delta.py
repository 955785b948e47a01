"""What changes in a network when one parameter does: slices of stages, derived once per program.

A weight of row j of a stage changes the outputs of that row; these change some terms of the next
stage, and so on. Each set is a box of indices, so it is a loop nest again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError
from tenzo.sw.program import ADDRESS_MODULUS, Program, Stage

IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Coordinate(NamedTuple):
    """One changed parameter: its address, and the signed raw step that is added to it."""

    address: int
    step: int


class Span(NamedTuple):
    """Indices ``base + a * outer_stride + b * stride``, a < outer, b < inner."""

    base: int
    outer: int
    outer_stride: int
    inner: int
    stride: int

    @property
    def size(self) -> int:
        """How many indices there are."""
        return self.outer * self.inner

    def indices(self) -> list[int]:
        """Return them in order."""
        return [
            self.base + a * self.outer_stride + b * self.stride
            for a in range(self.outer)
            for b in range(self.inner)
        ]

    @classmethod
    def of(cls, indices: Sequence[int], size: int) -> Span:
        """Return the span of some of ``size`` indices, or of all of them if they form none.

        Parameters
        ----------
        indices : sequence of :class:`int`
            In rising order, at least one.
        size : :class:`int`
        """
        stride = indices[1] - indices[0] if len(indices) > 1 else 1
        inner = 1
        while inner < len(indices) and indices[inner] - indices[0] == inner * stride:
            inner += 1
        repeats, rest = divmod(len(indices), inner)
        jump = indices[inner] - indices[0] if repeats > 1 else 0
        span = cls(indices[0], repeats, jump, inner, stride)
        if rest == 0 and span.indices() == list(indices):
            return span
        return cls(0, 1, 0, size, 1)


@dataclass(frozen=True)
class Slice:
    """Outputs of a stage that change, all rows of some positions, and the terms that change them.

    Parameters
    ----------
    stage : :class:`int`
        Index in the program.
    left, right, terms : :class:`Span`
        Indices l, r and k.
    rows : :class:`Span`
        Indices j: all of them, or one.
    is_exact : :class:`bool`
        Whether every input changes; otherwise the spans hold some inputs that do not.
    """

    stage: int
    left: Span
    rows: Span
    right: Span
    terms: Span
    is_exact: bool = True

    @property
    def outputs(self) -> int:
        """Values that change."""
        return self.left.size * self.rows.size * self.right.size

    @property
    def macs(self) -> int:
        """Multiply-accumulates that correct their sums."""
        return self.outputs * self.terms.size

    def nest(self, stage: Stage) -> Stage:
        """Return the loop nest that computes this slice of a stage anew, from all terms.

        Parameters
        ----------
        stage : :class:`Stage`
            The stage, with counts (1, left, 1, right, J, K).
        """
        terms = _all(stage.counts[5])
        spans = (self.left, self.right, self.rows, terms)
        axes = (1, 3, 4, 5)

        def base(first: int, strides: Sequence[int]) -> int:
            moved = sum(
                span.base * strides[axis]
                for span, axis in zip(spans, axes, strict=True)
                if axis < len(strides)
            )
            return (first + moved) % ADDRESS_MODULUS

        def strided(strides: Sequence[int]) -> tuple[int, ...]:
            _, left, _, right, rows, *term = strides
            return (
                self.left.outer_stride * left,
                self.left.stride * left,
                self.right.outer_stride * right,
                self.right.stride * right,
                self.rows.stride * rows,
                *(terms.stride * stride for stride in term),
            )

        return replace(
            stage,
            counts=(
                self.left.outer,
                self.left.inner,
                self.right.outer,
                self.right.inner,
                self.rows.inner,
                terms.inner,
            ),
            input_base=base(stage.input_base, stage.input_strides),
            input_strides=strided(stage.input_strides),  # type: ignore[arg-type]
            weight_base=base(stage.weight_base, stage.weight_strides),
            weight_strides=strided(stage.weight_strides),  # type: ignore[arg-type]
            output_base=base(stage.output_base, stage.output_strides),
            output_strides=strided(stage.output_strides),  # type: ignore[arg-type]
            bias_base=base(stage.bias_base, stage.bias_strides),
            bias_strides=strided(stage.bias_strides),  # type: ignore[arg-type]
        )


@dataclass(frozen=True)
class Row:
    """Parameters that change the same values: the weights of one row of a stage, or one bias.

    Parameters
    ----------
    first_address : :class:`int`
        Parameter address of the first one; the others follow.
    count : :class:`int`
        How many.
    own : :class:`Slice`
        The outputs that they belong to; its terms are that of the first parameter.
    is_bias : :class:`bool`
    chain : tuple of :class:`Slice`
        What changes after it, stage by stage.
    """

    first_address: int
    count: int
    own: Slice
    is_bias: bool
    chain: tuple[Slice, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one parameter."""
        own = 0 if self.is_bias else self.own.outputs
        return own + sum(part.macs for part in self.chain)


class Deltas:
    """Rows of a program.

    Parameters
    ----------
    program : :class:`Program`
        Made by the planner: every stage reads all that the one before it wrote.

    Raises
    ------
    UserError
        If a stage is not a plain matrix product over [left][K][right].
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._shapes = [_shape(index, stage) for index, stage in enumerate(program.stages)]
        self._after: dict[bytes, tuple[Slice, ...]] = {}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows, by address: those of weights, then biases."""
        weights = [row for index in range(len(self._shapes)) for row in self._weight_rows(index)]
        biases = [row for index in range(len(self._shapes)) for row in self._bias_rows(index)]
        return tuple(sorted(weights + biases, key=lambda row: row.first_address))

    @property
    def macs(self) -> int:
        """Multiply-accumulates per sample of one sweep over all parameters, one step each."""
        return int(self.macs_by_address.sum())

    @cached_property
    def macs_by_address(self) -> IntArray:
        """Multiply-accumulates per sample of each parameter, int64 of shape (parameters,)."""
        return np.repeat([row.macs for row in self.rows], [row.count for row in self.rows])

    def _weight_rows(self, index: int) -> Iterator[Row]:
        stage = self.program.stages[index]
        left, J, K, right = self._shapes[index]
        for j in range(J):
            changed = np.zeros((left, J, right), dtype=bool)
            changed[:, j] = True
            own = Slice(index, _all(left), _one(j), _all(right), _one(0))
            address = stage.weight_base + j * K
            yield Row(address, K, own, False, self._chain(index + 1, changed))

    def _bias_rows(self, index: int) -> Iterator[Row]:
        stage = self.program.stages[index]
        left, J, _, right = self._shapes[index]
        if not stage.use_bias:
            return
        for position in range(left * J * right):
            at = tuple(int(i) for i in np.unravel_index(position, (left, J, right)))
            changed = np.zeros((left, J, right), dtype=bool)
            changed[at] = True
            own = Slice(index, _one(at[0]), _one(at[1]), _one(at[2]), _one(0))
            address = self.program.weight_count + stage.bias_base + position
            yield Row(address, 1, own, True, self._chain(index + 1, changed))

    def _chain(self, index: int, changed: Mask) -> tuple[Slice, ...]:
        """Return the slices from a stage on, given which of its inputs change."""
        if index == len(self._shapes):
            return ()
        key = index.to_bytes(2, "little") + np.packbits(changed).tobytes()
        if key not in self._after:
            left, J, K, right = self._shapes[index]
            inputs = changed.reshape(left, K, right)
            lefts = Span.of(np.flatnonzero(inputs.any((1, 2))).tolist(), left)
            rights = Span.of(np.flatnonzero(inputs.any((0, 1))).tolist(), right)
            terms = Span.of(np.flatnonzero(inputs.any((0, 2))).tolist(), K)
            read = np.ix_(lefts.indices(), terms.indices(), rights.indices())
            part = Slice(index, lefts, _all(J), rights, terms, bool(inputs[read].all()))
            after = np.zeros((left, J, right), dtype=bool)
            after[np.ix_(part.left.indices(), range(J), part.right.indices())] = True
            self._after[key] = (part, *self._chain(index + 1, after))
        return self._after[key]


def _shape(index: int, stage: Stage) -> tuple[int, int, int, int]:
    """Return left, J, K, right."""
    left1, left, right1, right, J, K = stage.counts
    plain = (
        left1 == right1 == 1
        and stage.input_strides[1:] == (K * right, 0, 1, 0, right)
        and stage.output_strides[1:] == (J * right, 0, 1, right)
        and stage.weight_strides[1:] == (0, 0, 0, K, 1)
    )
    if not plain:
        raise UserError(f"stage {index} is not a plain product over [left][K][right]")
    return left, J, K, right


def _all(size: int) -> Span:
    return Span(0, 1, 0, size, 1)


def _one(index: int) -> Span:
    return Span(index, 1, 0, 1, 1)
