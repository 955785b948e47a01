"""The noise that rounding makes in derivatives, measured: fixed point against float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenzo.sw.derivatives.stencil import IntArray, Stencil
from tenzo.sw.device import Query
from tenzo.sw.floating.device import FloatDevice
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.kernels.choice import default_kernel
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.plan import Plan
from tenzo.sw.training.evaluation import gather_outputs

AT_ONCE = 1 << 14
"""Samples that are evaluated at a time."""


class MeasuredNoise(NamedTuple):
    """Standard deviations over points.

    Parameters
    ----------
    laplacian : :class:`float`
    first : :class:`float`
        Of first derivatives, root mean square over the inputs.
    saturations : :class:`int`
        Values that saturated in fixed point; where there are any, not rounding alone was measured.
    """

    laplacian: float
    first: float
    saturations: int


def measured_noise(
    plan: Plan,
    parameters_raw: IntArray,
    stencil: Stencil,
    points_raw: IntArray,
    axes: Sequence[int],
) -> MeasuredNoise:
    """Return the spread of what rounding changes in derivatives, over points.

    Both networks have the same quantized parameters and samples; one rounds after every stage, as
    the engine does, the other computes in float64.

    Parameters
    ----------
    plan : :class:`Plan`
        With calibrated shifts, of a network with one output.
    parameters_raw : int64 array of shape (parameter_count,)
    stencil : :class:`Stencil`
        Of ``len(points_raw)`` points.
    points_raw : int64 array of shape (points, inputs)
    axes : sequence of :class:`int`
        Of the Laplacian.
    """
    nodes_raw = stencil.nodes_raw(points_raw)
    nodes, count, inputs = nodes_raw.shape
    golden = GoldenDevice(plan.engine, default_kernel())
    exact = FloatDevice(plan.engine, dtype=np.float64)
    outputs = []
    for device in (golden, exact):
        device.load_program(plan.program)
        device.write_parameters(parameters_raw)
        values = _outputs(device, plan, nodes_raw.reshape(-1, inputs))
        outputs.append(values.reshape(1, nodes, count) * 2.0**-plan.program.output_frac_bits)
    saturations = int(golden.read_counters().saturations.sum())
    for device in (golden, exact):
        device.close()
    fixed, real = outputs
    laplacian = stencil.laplacian(fixed, axes) - stencil.laplacian(real, axes)
    first = [stencil.first(fixed, axis) - stencil.first(real, axis) for axis in range(inputs)]
    spread = float(np.sqrt(np.mean(np.var(first, axis=(1, 2)))))
    return MeasuredNoise(float(np.std(laplacian)), spread, saturations)


def measured_output_noise(
    plan: Plan,
    parameters_raw: IntArray,
    stencil: Stencil,
    points_raw: IntArray,
    axes: Sequence[int],
    frac_bits: int,
) -> float:
    """Return the spread of the Laplacian's error where the outputs alone are rounded.

    Parameters as for :func:`measured_noise`, and the fractional bits that outputs are rounded to.
    """
    nodes_raw = stencil.nodes_raw(points_raw)
    nodes, count, inputs = nodes_raw.shape
    exact = FloatDevice(plan.engine, dtype=np.float64)
    exact.load_program(plan.program)
    exact.write_parameters(parameters_raw)
    values = _outputs(exact, plan, nodes_raw.reshape(-1, inputs)).reshape(1, nodes, count)
    exact.close()
    real = values * 2.0 ** (frac_bits - plan.program.output_frac_bits)
    error = (np.rint(real) - real) * 2.0**-frac_bits
    return float(np.std(stencil.laplacian(error, axes)))


def _outputs(device: GoldenDevice, plan: Plan, samples_raw: IntArray) -> FloatArray:
    """Return the output of each sample, raw, (samples,)."""
    parts: list[npt.NDArray[np.float64]] = []
    for first in range(0, len(samples_raw), AT_ONCE):
        some = samples_raw[first : first + AT_ONCE]
        found = gather_outputs(device, plan.program, some, [Query()])
        parts.append(found[0, :, 0].astype(np.float64))
    return np.concatenate(parts)
