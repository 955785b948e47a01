"""What rounding does to the derivatives of a configured problem: predicted, and measured."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config
from tenzo.sw.derivatives.measured_noise import (
    MeasuredNoise,
    measured_noise,
    measured_output_noise,
)
from tenzo.sw.derivatives.noise import laplacian_noise, node_weights
from tenzo.sw.derivatives.stein import MonteCarloStein
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.calibration import calibrate
from tenzo.sw.planning.noise import predicted_noise
from tenzo.sw.planning.plan import Plan
from tenzo.sw.planning.planner import plan
from tenzo.sw.problems.collocation import TEST, draw_points
from tenzo.sw.problems.samples import configured_problem
from tenzo.sw.training.minibatches import PointSource

FloatArray = npt.NDArray[np.float64]

MOST_NODES = 4096
"""Beyond so many nodes of a point a prediction takes more than half a gigabyte."""

_POINT_NODES = 1500
"""A prediction takes so many nodes, of one point at least and of :data:`_MOST_POINTS` at most."""

_MOST_POINTS = 8

_RANDOM_POINTS = 64
"""Points of a prediction where the weights of nodes are random, and differ more than slopes do."""


class Noise(NamedTuple):
    """Standard deviations of derivatives' errors: of the Laplacian, and of first derivatives."""

    laplacian: float
    first: float


class NoisyProblem:
    """A configured problem with the weights and the shifts that it is looked at with.

    Parameters
    ----------
    config : :class:`Config`
        With a table ``[problem]``.
    weights : float64 array of shape (parameters,), optional
        Those of initialisation unless given; rounded to the format of weights.
    shifts : sequence of :class:`int`, optional
        Calibrated on the first training points unless given.

    Raises
    ------
    UserError
        If the configuration names no problem, its derivatives do not fit the format of samples or
        memory, or the network does not fit the engine.
    """

    def __init__(
        self,
        config: Config,
        weights: FloatArray | None = None,
        shifts: list[int] | None = None,
    ) -> None:
        self.problem, self.derivatives = configured_problem(config)
        network, engine = config.network(), config.engine()
        if weights is None:
            weights = initial_vector(network, config.training.seed)
        self.parameters_raw = engine.weight.quantize(weights)
        if shifts is None:
            shifts = self._calibrated(config)
        self.plan: Plan = plan(network, engine, shifts)
        axes = self.problem.laplacian_axes
        self.axes = tuple(range(self.problem.inputs)) if axes is None else axes

    def predicted(self) -> Noise:
        """Return the noise that :func:`predicted_noise` expects, root mean square over points."""
        nodes = self.derivatives.node_count
        count = max(1, min(_MOST_POINTS, _POINT_NODES // nodes))
        if isinstance(self.derivatives, MonteCarloStein):
            count = _RANDOM_POINTS
        variances = []
        for index, point in enumerate(self._points(count)):
            stencil = self.derivatives.stencil(1, 1, index)
            weights = node_weights(stencil, nodes, self.axes, self.problem.inputs)
            nodes_raw = stencil.nodes_raw(point[None])[:, 0]
            found = predicted_noise(self.plan, self.parameters_raw, nodes_raw, weights)
            variances.append(found**2)
        mean = np.mean(variances, axis=0)
        return Noise(math.sqrt(mean[0]), math.sqrt(np.mean(mean[1:])))

    def measured(self, points: int = 256) -> MeasuredNoise:
        """Return the noise of fixed point against float64, over so many points."""
        stencil = self.derivatives.stencil(points, 1, 0)
        points_raw = self._points(points)
        return measured_noise(self.plan, self.parameters_raw, stencil, points_raw, self.axes)

    def predicted_of_outputs(self, frac_bits: int) -> float:
        """Return the Laplacian's noise where outputs alone are rounded, as predicted."""
        return laplacian_noise(self.derivatives, self.axes, 2.0**-frac_bits)

    def measured_of_outputs(self, frac_bits: int, points: int = 64) -> float:
        """Return the Laplacian's noise where outputs alone are rounded, as measured."""
        stencil = self.derivatives.stencil(points, 1, 0)
        points_raw = self._points(points)
        return measured_output_noise(
            self.plan, self.parameters_raw, stencil, points_raw, self.axes, frac_bits
        )

    def _calibrated(self, config: Config) -> list[int]:
        """Return shifts as training would begin with."""
        engine, training = config.engine(), config.training
        source = PointSource(
            self.problem, self.derivatives, engine.activation, training.batch, training.seed
        )
        samples = source.calibration(training.calibration_samples)
        bits = training.headroom_bits, training.result_headroom_bits
        return list(calibrate(config.network(), engine, self.parameters_raw, samples, *bits))

    def _points(self, count: int) -> npt.NDArray[np.int64]:
        """Return points of a differentiated set, where the solution is tested if possible."""
        names = [name for name in self.problem.sets if name in self.problem.differentiated]
        activation = self.plan.engine.activation
        return draw_points(self.problem, names[0], count, activation, 1, TEST)
