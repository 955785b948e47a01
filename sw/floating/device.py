"""The device in floating point: what a network does without rounding, for comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query, loaded
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.floating.kernel import FloatKernel
from tenzo.sw.floating.sweep import FloatSweep
from tenzo.sw.golden.coordinates import CoordinateOutputs
from tenzo.sw.golden.device import GoldenDevice, StageTrace
from tenzo.sw.kernels.choice import thread_count
from tenzo.sw.perturbation import check_query
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]


class FloatDevice(GoldenDevice):
    """Device that computes in float32 on the host.

    It takes what the golden model takes, raw samples, raw parameters and queries, and refuses and
    counts the same; perturbed parameters are the same integers. Outputs are float64 in raw units,
    unrounded; no value of a stage saturates. Nothing here is exact: results agree with those of
    other machines, and of float64, to about ``1e-6`` of the largest values.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Of which formats, register and table's existence matter.
    threads : :class:`int`, optional
        ``TENZO_THREADS`` or all processors unless given.
    dtype
        ``float64`` for what shall stand for exact arithmetic.
    """

    def __init__(
        self,
        engine: EngineParameters,
        threads: int | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(engine, "numpy")
        self._float_kernel = FloatKernel(engine, thread_count(threads), dtype)
        self.kernel = self._float_kernel
        self._sweep: FloatSweep | None = None

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return "float"

    @property
    def number_format(self) -> str:
        """Name of the type, as written in a summary."""
        return self.kernel.name

    def load_program(self, program: Program) -> None:
        """Load a stage program; :class:`UserError` if it does not fit the engine."""
        super().load_program(program)
        self._sweep = None

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate the network with one parameter changed, for every coordinate; count nothing.

        Outputs are float64; parameters as for :class:`GoldenDevice`.
        """
        self._checked(samples_raw, [])
        for extreme in (min, max) if coordinates else ():
            for key in (None, itemgetter(1)):
                query = Query.one_hot(*extreme(coordinates, key=key))
                check_query(query, loaded(self._program), self.engine)
        if self._sweep is None:
            self._sweep = FloatSweep(self.engine, self._float_kernel, loaded(self._program))
        return self._sweep.evaluate(self._written(), samples_raw, coordinates)

    def trace(
        self, samples_raw: IntArray, query: Query, earlier: Sequence[Query] = ()
    ) -> list[StageTrace]:
        """Refuse: there are no integers to trace."""
        raise UserError("the device 'float' has no integers to trace: take 'golden'")
