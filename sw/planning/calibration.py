"""Shifts of the stages, chosen on data so that values use their width without saturating."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import RESULT_WIDTH, requantize
from tenzo.sw.golden.lanes import Lanes, words_per_value
from tenzo.sw.golden.stage import StageKernel
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.planner import StagePlan, plan, shift_range
from tenzo.sw.planning.program_check import check_program
from tenzo.sw.program import Stage

IntArray = npt.NDArray[np.int64]

MOST_BYTES = 1 << 30
"""Lane memories of all samples may take this much."""

MOST_HEADROOM = 8

RESULT_HEADROOM = 3
"""Bits that results leave unused: more than other values, since they have 32."""


def calibrate(
    network: Network,
    engine: EngineParameters,
    parameters_raw: IntArray,
    samples_raw: IntArray,
    headroom_bits: int = 1,
    result_headroom_bits: int = RESULT_HEADROOM,
) -> tuple[int, ...]:
    """Return the shift of every stage.

    Each is the least that leaves ``headroom_bits`` unused by the largest magnitude among the
    samples, ``result_headroom_bits`` in the last stage, within
    :func:`~tenzo.sw.planning.planner.shift_range`. The stages before it run with their own
    calibrated shifts. A stage whose sums are all zero keeps its uncalibrated shift, and
    so does one that ends with sine or tanh, whose argument has a fixed format.

    Parameters
    ----------
    network : :class:`Network`
    engine : :class:`EngineParameters`
    parameters_raw : int64 array of shape (parameter_count,)
    samples_raw : int64 array of shape (samples, inputs)
        Raw activations: by convention the first 256 of the training data.
    headroom_bits, result_headroom_bits : :class:`int`
        0 to 8.

    Raises
    ------
    UserError
        If there are no samples or too many, the network does not fit the engine, or an argument of
        sine or tanh is beyond the table.
    """
    for bits in (headroom_bits, result_headroom_bits):
        if not 0 <= bits <= MOST_HEADROOM:
            raise UserError(f"headroom_bits must be 0 to {MOST_HEADROOM}, not {bits!r}")
    planned = plan(network, engine)
    touched = check_program(planned.program, engine)
    most = MOST_BYTES // (8 * words_per_value(planned.program, touched))
    if not 1 <= len(samples_raw) <= most:
        raise UserError(f"calibration needs 1 to {most} samples, not {len(samples_raw)}")
    lanes = Lanes(planned.program, touched, engine, 1, len(samples_raw))
    lanes.arrays.samples[0] = samples_raw.T
    lanes.parameters[0] = parameters_raw
    shifts: list[int | None] = [None] * len(planned.stages)
    for index in range(len(shifts)):
        uncalibrated = plan(network, engine, shifts)
        stage = uncalibrated.program.stages[index]
        sums = StageKernel(replace(stage, shift=0), engine, lanes.arrays).accumulate()
        described, peak = uncalibrated.stages[index], int(np.abs(sums).max())
        if stage.activation.uses_table:
            _check_argument(peak, stage, described, engine)
            shifts[index] = stage.shift
        else:
            bits = result_headroom_bits if described.last else headroom_bits
            shifts[index] = _shift(peak, described, engine, bits)
        stage = plan(network, engine, shifts).program.stages[index]
        StageKernel(stage, engine, lanes.arrays).run()
    return tuple(shift for shift in shifts if shift is not None)


def _shift(peak: int, stage: StagePlan, engine: EngineParameters, headroom_bits: int) -> int:
    """Return the least shift that leaves head-room to the largest magnitude of a stage."""
    if peak == 0:
        return stage.shift
    low, high, _ = shift_range(stage.input_frac_bits, engine, stage.last)
    width = RESULT_WIDTH if stage.last else engine.activation.width
    width = max(2, width - headroom_bits)
    fitting = (shift for shift in range(low, high) if not requantize(peak, shift, width)[1])
    return next(fitting, high)


def _check_argument(
    peak: int, stage: Stage, described: StagePlan, engine: EngineParameters
) -> None:
    """Raise if the largest magnitude of a stage is beyond the table, and that changes the value."""
    saturates = requantize(peak, stage.shift, engine.activation.width)[1]
    if not saturates or engine.table.reaches_its_end(stage.activation):
        return
    name, limit = described.activation, engine.table.limit
    reached = peak * 2.0 ** -(described.input_frac_bits + engine.weight.frac_bits)
    bits = engine.table_frac_bits - math.ceil(math.log2(reached / limit) + 1e-6)
    raise UserError(
        f"an argument of {name} in layer {described.layer} reaches {reached:.4g}, but the engine's "
        f"table ends at {limit:g}: set the engine's table_frac_bits to {bits} or less, or make the "
        "samples or the initial weights smaller"
    )
