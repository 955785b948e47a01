"""Programs that show the parameters in an engine: products with one, one parameter an output.

Lane l gets the sample that is one at word l and zero elsewhere, so that a stage with K = L terms
gives L neighbouring weights, one in each lane; biases come from a stage whose input is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Device, Query
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Program, Stage

IntArray = npt.NDArray[np.int64]


def read_parameters(
    device: Device, program: Program, parameters_raw: IntArray, query: Query
) -> IntArray:
    """Return the parameters that a query of a program would work with.

    Parameters
    ----------
    device : :class:`Device`
        Gets other programs: load the first one again afterwards.
    program : :class:`Program`
        Says how many weights and biases there are.
    parameters_raw : int64 of shape (parameter_count,)
        Written to the device.
    query : :class:`Query`
        Perturbation; its stages do not matter.

    Returns
    -------
    int64 of shape (parameter_count,)
    """
    values = np.zeros(program.parameter_count, np.int64)
    lanes = device.engine.lane_count
    samples = np.eye(lanes, lanes + 1, dtype=np.int64)
    for part in _parts(device, program):
        device.load_program(part.program)
        device.write_parameters(parameters_raw)
        queries = [replace(query, entry=n, stop=n + 1) for n in range(len(part.program.stages))]
        for item in device.evaluate(samples, queries):
            start = part.starts[item.query]
            rows = item.outputs_raw[: part.lanes].T
            values[start : start + rows.size] = rows.ravel()
    return values


@dataclass(frozen=True)
class _Part:
    """Stage i gives the parameters from ``starts[i]`` on, in ``lanes`` lanes."""

    program: Program
    starts: tuple[int, ...]
    lanes: int


def _parts(device: Device, program: Program) -> Iterator[_Part]:
    """Yield the programs that show weights, then biases."""
    engine = device.engine
    for bias, count in enumerate((program.weight_count, program.bias_count)):
        if not count:
            continue
        lanes = 1 if bias else min(engine.lane_count, count)
        rows = min(engine.result_depth, count // lanes)
        size = lanes * rows
        starts = [min(start, count - size) for start in range(0, count, size)]
        for first in range(0, len(starts), engine.stage_slots):
            some = starts[first : first + engine.stage_slots]
            stages = [_stage(start, rows, lanes, engine.lane_count, bool(bias)) for start in some]
            shown = replace(
                program,
                stages=with_waits(stages, engine),
                input_count=engine.lane_count + 1,
                sample_bases=(0,),
                output_count=rows,
            )
            offset = program.weight_count if bias else 0
            yield _Part(shown, tuple(offset + start for start in some), lanes)


def _stage(start: int, rows: int, lanes: int, zero: int, bias: bool) -> Stage:
    """Return the stage that gives ``rows`` outputs of ``lanes`` weights, or of a bias."""
    return Stage(
        counts=(1, 1, 1, 1, rows, 1 if bias else lanes),
        input_base=zero if bias else 0,
        input_strides=(0, 0, 0, 0, 0, 1),
        weight_base=0 if bias else start,
        weight_strides=(0, 0, 0, 0, 0 if bias else lanes, 1),
        output_base=0,
        output_strides=(0, 0, 0, 0, 1),
        shift=0,
        bias_base=start if bias else 0,
        bias_strides=(0, 0, 0, 0, 1),
        use_bias=bias,
        unit_weight=bias,
        to_results=True,
        sample_input=True,
    )
