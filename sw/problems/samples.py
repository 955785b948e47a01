"""Test points of a problem, in the form of a data set's splits."""

from __future__ import annotations

import hashlib

import numpy as np

from tenzo.sw.configuration.config import Config
from tenzo.sw.configuration.problem_table import ProblemTable
from tenzo.sw.data.samples import Samples, Split
from tenzo.sw.derivatives.choice import make_derivatives
from tenzo.sw.derivatives.stencil import Derivatives, IntArray
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray
from tenzo.sw.problems.checks import ask
from tenzo.sw.problems.choice import make_problem
from tenzo.sw.problems.collocation import (
    TEST,
    TRAINING,
    VALIDATION,
    Collocation,
    check_size,
    draw_points,
)
from tenzo.sw.problems.problem import Problem

_POINT_SEED = 1
"""Seed of validation and test points: all runs of a problem are scored on the same points."""


def configured_problem(config: Config) -> tuple[Problem, Derivatives]:
    """Return the problem that a configuration names, and its way of taking derivatives.

    Raises
    ------
    UserError
        If it names none, or the network does not fit the problem.
    """
    table = _table(config)
    problem = make_problem(table.name, table.file, table.entry_point)
    network = config.network()
    if (network.inputs, network.outputs) != (problem.inputs, 1):
        raise UserError(
            f"the network takes {network.inputs} inputs and gives {network.outputs} outputs, but "
            f"the problem needs {problem.inputs} and 1: change the first or the last layer"
        )
    options = table.derivatives.model_dump(exclude_none=True)
    derivatives = make_derivatives(
        inputs=problem.inputs, activation=config.activation_format(), **options
    )
    check_size(problem, derivatives, config.training.batch)
    return problem, derivatives


def problem_samples(config: Config) -> Samples:
    """Return points with exact solutions: validation, test, and the first training points.

    Raises
    ------
    UserError
        If the problem returns something of another shape, or exact solutions that are not finite.
    """
    problem, derivatives = configured_problem(config)
    table, training, activation = _table(config), config.training, config.activation_format()
    splits = {
        "train": _split(problem, training.batch, activation, training.seed, TRAINING),
        "validation": _split(problem, table.validation_points, activation, _POINT_SEED, VALIDATION),
        "test": _split(problem, table.test_points, activation, _POINT_SEED, TEST),
    }
    first = Collocation(problem, derivatives, activation, training.batch, _POINT_SEED, 0)
    outputs = np.zeros((1, len(first.samples_raw), 1), np.int64)
    state = hashlib.sha256()
    for array in (
        *(part for split in splits.values() for part in (split.samples_raw, split.targets)),
        first.samples_raw,
        first.losses(outputs, 0),
        first.losses(outputs + 1, 0),
    ):
        state.update(f"{array.dtype.str} {array.shape}\n".encode())
        state.update(np.ascontiguousarray(array).data)
    name = table.name or table.entry_point or str(table.file)
    return Samples(name, **splits, is_classification=False, digest=state.hexdigest())


def solve(config: Config, points_raw: IntArray, outputs: FloatArray) -> FloatArray:
    """Return the solution of a problem, (points, 1), for outputs of the network at points."""
    problem, _ = configured_problem(config)
    points = points_raw.astype(np.float64) * config.activation_format().step
    return ask(problem, "solution", (len(points),), points, outputs[:, 0])[:, None]


def _table(config: Config) -> ProblemTable:
    """Return the table [problem]."""
    if config.problem is None:
        raise UserError("problem is missing: add a table [problem] that names one")
    return config.problem


def _split(problem: Problem, count: int, activation: Format, seed: int, stream: int) -> Split:
    """Return points of the first set, exact solutions, and what makes solutions of outputs."""
    samples_raw = draw_points(problem, next(iter(problem.sets)), count, activation, seed, stream)
    points = samples_raw * activation.step
    exact = ask(problem, "exact", (count,), points)
    if not np.isfinite(exact).all():
        raise UserError(f"{type(problem).__name__}: exact must return finite numbers at all points")

    def solution(values: FloatArray) -> FloatArray:
        return ask(problem, "solution", (count,), points, values[:, 0])[:, None]

    return Split(samples_raw, exact[:, None], solution)
