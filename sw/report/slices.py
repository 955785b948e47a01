"""The solution of a problem along one or two inputs: the network's beside the exact one."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from tenzo.sw.device import Device
from tenzo.sw.numerics import FloatArray
from tenzo.sw.problems.checks import ask
from tenzo.sw.problems.problem import Problem
from tenzo.sw.problems.samples import configured_problem, solve
from tenzo.sw.training.evaluation import compute_outputs
from tenzo.sw.training.trained import Trained, load_trained

_LINE_POINTS, _MAP_POINTS = 201, 41


@dataclass(frozen=True)
class SolutionSlice:
    """A solution along one input (a line) or two inputs (a map), the others held fixed.

    Parameters
    ----------
    labels : tuple of :class:`str`
        What the inputs along the slice are.
    coordinates : tuple of float64 arrays of shape (points,) or (points, points)
        Values of each of these inputs, as the network sees them.
    network, exact, zero : float64 arrays of the same shape
        The solution by the trained network, the exact one, and that of a network of zeros.
    """

    labels: tuple[str, ...]
    coordinates: tuple[FloatArray, ...]
    network: FloatArray
    exact: FloatArray
    zero: FloatArray

    @property
    def error(self) -> FloatArray:
        """The network's solution less the exact one."""
        return self.network - self.exact


def solution_slice(path: str | os.PathLike[str], device: str = "golden") -> SolutionSlice:
    """Return the solution that a run has learnt so far, along the inputs its problem chooses.

    Parameters
    ----------
    path
        Folder of the run.
    device : :class:`str`
        As for ``--device``.

    Raises
    ------
    UserError
        If the folder holds no run of a problem, or the problem returns something else than points.
    """
    trained = load_trained(path)
    opened = trained.open_device(device)
    try:
        return compute_slice(trained, opened)
    finally:
        opened.close()


def compute_slice(trained: Trained, device: Device) -> SolutionSlice:
    """Return the solution of the network that a device holds; errors as :func:`solution_slice`."""
    config = trained.config
    problem, _ = configured_problem(config)
    chosen = chosen_inputs(problem)
    counts = [_LINE_POINTS if len(chosen) == 1 else _MAP_POINTS] * len(chosen)
    steps = np.meshgrid(*(np.linspace(0.0, 1.0, count) for count in counts), indexing="ij")
    numbers = np.full((steps[0].size, problem.inputs), 0.5)
    for axis, values in zip(chosen, steps, strict=True):
        numbers[:, axis] = values.ravel()
    wanted = ask(problem, "points", numbers.shape, next(iter(problem.sets)), numbers)
    points_raw = config.activation_format().quantize(wanted)
    outputs_raw = compute_outputs(device, trained.plan.program, points_raw)
    outputs = outputs_raw.astype(np.float64) * 2.0**-trained.plan.program.output_frac_bits
    points = points_raw.astype(np.float64) * config.activation_format().step
    exact = ask(problem, "exact", (len(points),), points)
    solutions = (solve(config, points_raw, values) for values in (outputs, 0.0 * outputs))
    network, zero = (solution[:, 0].reshape(counts) for solution in solutions)
    coordinates = tuple(points[:, axis].reshape(counts) for axis in chosen)
    labels = tuple(chosen.values())
    return SolutionSlice(labels, coordinates, network, exact.reshape(counts), zero)


def chosen_inputs(problem: Problem) -> dict[int, str]:
    """Return the inputs along which a problem is drawn, and their labels."""
    if problem.picture:
        return {int(axis): str(label) for axis, label in problem.picture.items()}
    return {axis: f"input {axis}" for axis in range(2 if problem.inputs == 2 else 1)}
