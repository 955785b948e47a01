"""Collocation points: where a step evaluates the network, and the loss that the outputs tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.derivatives.stencil import Derivatives, IntArray, Stencil
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray
from tenzo.sw.problems.checks import ask, title
from tenzo.sw.problems.field import Field
from tenzo.sw.problems.problem import Problem
from tenzo.sw.random_streams import uniform

TRAINING, VALIDATION, TEST, NODES = (purpose << 56 for purpose in (1, 2, 3, 4))
"""First random streams of points by their purpose; initial weights use those near zero."""

_SET_STREAMS = 1 << 48

MOST_BYTES = 1 << 30
"""The samples of a step may take this much."""


def draw_points(
    problem: Problem, name: str, count: int, activation: Format, seed: int, stream: int
) -> IntArray:
    """Return random points of a set as raw samples, int64 of shape (count, inputs).

    Raises
    ------
    UserError
        If the problem's method returns something else than points, or they overflow the format.
    """
    index = list(problem.sets).index(name)
    numbers = uniform(seed, stream + index * _SET_STREAMS, count * problem.inputs)
    shape = count, problem.inputs
    points = ask(problem, "points", shape, name, numbers.reshape(shape))
    raw = np.floor(points * 2.0**activation.frac_bits + 0.5)
    _check_range(problem, name, raw, activation)
    return raw.astype(np.int64)


def set_sizes(problem: Problem, batch: int) -> dict[str, int]:
    """Return the points of each set, at least 1 each, for a ``training.batch``."""
    return {name: max(1, round(share * batch)) for name, share in problem.sets.items()}


def samples_per_step(problem: Problem, derivatives: Derivatives, batch: int) -> int:
    """Return how many samples a query evaluates: all nodes of all points."""
    return sum(
        count * (derivatives.node_count if name in problem.differentiated else 1)
        for name, count in set_sizes(problem, batch).items()
    )


def check_size(problem: Problem, derivatives: Derivatives, batch: int) -> None:
    """Refuse steps whose samples do not fit memory, before they are made."""
    samples = samples_per_step(problem, derivatives, batch)
    size = samples * problem.inputs * 8
    if size > MOST_BYTES:
        raise UserError(
            f"training.batch {batch} with {derivatives.node_count} nodes a point makes {samples} "
            f"samples a step, which take {size / 2**30:,.1f} GiB of memory, more than "
            f"{MOST_BYTES >> 30} GiB: choose a smaller batch, or derivatives of fewer nodes"
        )


class _Set(NamedTuple):
    """One set of a step: points (points, inputs), nodes (nodes, points, inputs)."""

    name: str
    points_raw: IntArray
    nodes_raw: IntArray
    stencil: Stencil | None


class Collocation:
    """The points of one step; a loss takes it as its targets.

    Samples are ordered by set, then by node of the stencil, then by point.

    Parameters
    ----------
    problem : :class:`Problem`
    derivatives : :class:`Derivatives`
    activation : :class:`Format`
        Of samples: points are rounded to it before nodes are placed around them.
    batch : :class:`int`
        Points of a set of share 1.
    seed, step : :class:`int`
        All that points and nodes depend on.

    Raises
    ------
    UserError
        If points or nodes overflow the format.
    """

    def __init__(
        self,
        problem: Problem,
        derivatives: Derivatives,
        activation: Format,
        batch: int,
        seed: int,
        step: int,
    ) -> None:
        self.problem = problem
        self._unit = activation.step
        self._sets: list[_Set] = []
        for index, (name, count) in enumerate(set_sizes(problem, batch).items()):
            points_raw = draw_points(problem, name, count, activation, seed, TRAINING + step)
            stencil, nodes_raw = None, points_raw[None]
            if name in problem.differentiated:
                stream = NODES + step + index * _SET_STREAMS
                stencil = derivatives.stencil(count, seed, stream)
                nodes_raw = stencil.nodes_raw(points_raw)
                _check_range(problem, name, nodes_raw, activation)
            self._sets.append(_Set(name, points_raw, nodes_raw, stencil))
        self.samples_raw = np.concatenate(
            [part.nodes_raw.reshape(-1, problem.inputs) for part in self._sets]
        )
        """Samples to evaluate, int64 of shape (samples, inputs)."""

    def losses(self, outputs_raw: npt.NDArray[Any], frac_bits: int) -> FloatArray:
        """Return the loss of each query, float64 of shape (queries,).

        Parameters
        ----------
        outputs_raw : integers or float64 of shape (queries, samples, 1)
            One unit is ``2**-frac_bits``.
        """
        fields = self.fields(outputs_raw, frac_bits)
        with np.errstate(over="ignore", invalid="ignore"):
            return ask(self.problem, "losses", (len(outputs_raw),), fields)

    def fields(self, outputs_raw: npt.NDArray[Any], frac_bits: int) -> Mapping[str, Field]:
        """Return the field of each set; parameters as :meth:`losses`."""
        fields, first = {}, 0
        for part in self._sets:
            nodes, count = part.nodes_raw.shape[:2]
            last = first + nodes * count
            outputs = outputs_raw[:, first:last, 0].reshape(len(outputs_raw), nodes, count)
            points = part.points_raw.astype(np.float64) * self._unit
            fields[part.name] = Field(part.name, points, outputs, 2.0**-frac_bits, part.stencil)
            first = last
        return fields


def _check_range(problem: Problem, name: str, raw: npt.NDArray[Any], activation: Format) -> None:
    """Refuse points or nodes that samples cannot represent."""
    if raw.size and not (raw.min() >= activation.min_raw and raw.max() <= activation.max_raw):
        low, high = (float(end) * activation.step for end in (raw.min(), raw.max()))
        raise UserError(
            f"{title(problem)}: points of {name!r} and their stencil reach "
            f"{low:g} and {high:g}, outside formats.activation ({activation}): scale the inputs, "
            "take a smaller step, or fewer fractional bits"
        )
