"""Lane memories of the golden model, and a whole program bound to them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.stage import LaneArrays, StageKernel
from tenzo.sw.planning.program_check import StageAddresses
from tenzo.sw.program import Program

FloatArray = npt.NDArray[np.float64]


class Lanes:
    """Memory of many lanes for many queries, and the stages that compute on it.

    Parameters
    ----------
    program : :class:`Program`
    touched : sequence of :class:`StageAddresses`
        Of each stage, from :func:`tenzo.sw.planning.program_check.check_program`.
    engine : :class:`EngineParameters`
    query_count, sample_count : :class:`int`
        Queries and samples that are computed at the same time.
    kernel : type
        What binds a stage to the arrays.
    dtype
        Of the arrays.
    """

    def __init__(
        self,
        program: Program,
        touched: Sequence[StageAddresses],
        engine: EngineParameters,
        query_count: int,
        sample_count: int,
        kernel: type[StageKernel] = StageKernel,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        first, last = memory_range(program, touched)
        largest = max((stage.output_count for stage in program.stages), default=0)
        shape = (query_count, program.weight_count)
        self.parameters = np.zeros((query_count, program.parameter_count), dtype)
        self.arrays = LaneArrays(
            np.zeros((1, program.input_count, sample_count), dtype),
            np.zeros((query_count, last - first, sample_count), dtype),
            np.zeros((query_count, program.output_count, sample_count), dtype),
            self.parameters[:, : shape[1], None],
            self.parameters[:, shape[1] :, None],
            np.empty(query_count * largest * sample_count, dtype),
            first,
        )
        self.kernels = [kernel(stage, engine, self.arrays) for stage in program.stages]

    def run(self, entry: int, stop: int) -> list[int]:
        """Compute stages entry..stop-1; return the saturations of each."""
        return [kernel.run() for kernel in self.kernels[entry:stop]]


def memory_range(program: Program, touched: Sequence[StageAddresses]) -> tuple[int, int]:
    """Return the first word of lane memory outside of the samples, and the one after the last."""
    used = [
        addresses
        for stage, stage_used in zip(program.stages, touched, strict=True)
        for addresses, elsewhere in (
            (stage_used.inputs, stage.sample_input),
            (stage_used.outputs, stage.to_results),
        )
        if not elsewhere
    ]
    first = min((int(addresses[0]) for addresses in used), default=0)
    last = max((int(addresses[-1]) for addresses in used), default=-1)
    return first, last + 1


def words_per_value(program: Program, touched: Sequence[StageAddresses]) -> int:
    """Return the float64 words that :class:`Lanes` keep for one sample of one query."""
    first, last = memory_range(program, touched)
    largest = max((stage.output_count for stage in program.stages), default=0)
    return last - first + largest + program.output_count + math.ceil(program.input_count / 2)
