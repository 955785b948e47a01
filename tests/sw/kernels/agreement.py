"""Comparison of the compiled kernels with the NumPy kernel, which defines what is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sim.comparison import collect, counter_differences, first_difference
from tenzo.sw.device import Counters, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.kernels.library import NotBuiltError, find_library
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]


def working_paths() -> tuple[str, ...]:
    """Paths that this machine runs; none if the kernels are not built, which a test reports."""
    try:
        return find_library().working
    except NotBuiltError:
        return ()


PATHS = working_paths()


class Agreement:
    """Devices of one engine, one for each kernel.

    Parameters
    ----------
    engine : EngineParameters
    paths : iterable of str
        Instruction-set paths to compare.
    threads : int, optional
        Of each.
    """

    def __init__(
        self, engine: EngineParameters, paths: Iterable[str] = PATHS, threads: int | None = None
    ) -> None:
        self.expected = GoldenDevice(engine, "numpy")
        self.actual = {path: GoldenDevice(engine, path, threads) for path in paths}

    def check(
        self,
        program: Program,
        parameters_raw: npt.ArrayLike,
        samples_raw: IntArray,
        queries: Sequence[Query] = (Query(),),
    ) -> tuple[list[IntArray], Counters]:
        """Compare all outputs and counters; return them."""
        parameters = np.asarray(parameters_raw, dtype=np.int64)
        outputs, counters = run(self.expected, program, parameters, samples_raw, queries)
        for path, device in self.actual.items():
            found, counted = run(device, program, parameters, samples_raw, queries)
            difference = first_difference(outputs, found)
            assert difference is None, f"{path}: {difference}"
            problems = counter_differences(counters, counted)
            assert not problems, f"{path}: {'; '.join(problems)}"
        return outputs, counters


def run(
    device: GoldenDevice,
    program: Program,
    parameters_raw: IntArray,
    samples_raw: IntArray,
    queries: Sequence[Query],
) -> tuple[list[IntArray], Counters]:
    """Return outputs of each query, and what was counted."""
    device.load_program(program)
    device.write_parameters(parameters_raw)
    device.clear_counters()
    outputs = collect(device, samples_raw, queries)
    counters = device.read_counters()
    device.close()
    return outputs, counters
