"""Shifts of the stages, chosen on data so that values use their width without saturating."""

from __future__ import annotations

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

IntArray = npt.NDArray[np.int64]

MOST_BYTES = 1 << 30
"""Lane memories of all samples may take this much."""

MOST_HEADROOM = 8


def calibrate(
    network: Network,
    engine: EngineParameters,
    parameters_raw: IntArray,
    samples_raw: IntArray,
    headroom_bits: int = 1,
) -> tuple[int, ...]:
    """Return the shift of every stage.

    Each is the least that leaves ``headroom_bits`` unused by the largest magnitude among the
    samples, within :func:`~tenzo.sw.planning.planner.shift_range`. The stages before it run with
    their own calibrated shifts. A stage whose sums are all zero keeps its uncalibrated shift.

    Parameters
    ----------
    network : :class:`Network`
    engine : :class:`EngineParameters`
    parameters_raw : int64 array of shape (parameter_count,)
    samples_raw : int64 array of shape (samples, inputs)
        Raw activations: by convention the first 256 of the training data.
    headroom_bits : :class:`int`
        0 to 8.

    Raises
    ------
    UserError
        If there are no samples or too many, or the network does not fit the engine.
    """
    if not 0 <= headroom_bits <= MOST_HEADROOM:
        raise UserError(f"headroom_bits must be 0 to {MOST_HEADROOM}, not {headroom_bits!r}")
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
        shifts[index] = _shift(
            int(np.abs(sums).max()), uncalibrated.stages[index], engine, headroom_bits
        )
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
