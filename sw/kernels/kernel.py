"""What the golden model asks of a kernel, whatever computes behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.planning.program_check import StageAddresses
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

Limits = tuple[int, int, int, int]
"""First and last parameter, entry and stop of a query, from :meth:`Query.resolve`."""


class Part(NamedTuple):
    """Results of consecutive queries on consecutive samples.

    Parameters
    ----------
    first_query, first_sample : :class:`int`
    outputs_raw : int64 arrays of shape (samples, outputs), one per query
        Those of a query that writes no results are undefined.
    saturations : int64 array of shape (stages,)
        Values that saturated, in all queries of the part together.
    weight_saturations : sequence of :class:`int`, one per query
        Parameters that saturated.
    """

    first_query: int
    first_sample: int
    outputs_raw: Sequence[IntArray] | IntArray
    saturations: IntArray
    weight_saturations: Sequence[int]


class Kernel(Protocol):
    """Evaluates queries on a loaded program; all kernels return the same integers.

    The device has checked programs, parameters, samples and queries.
    """

    @property
    def name(self) -> str:
        """Name as written in a summary, for example ``native avx2``."""
        ...

    def load_program(self, program: Program, touched: Sequence[StageAddresses]) -> None:
        """Load a program and the addresses that each stage touches."""
        ...

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases: int64 of shape (parameter_count,)."""
        ...

    def evaluate(
        self,
        samples_raw: IntArray,
        queries: Sequence[Query],
        limits: Sequence[Limits],
        ordered: bool,
    ) -> Iterator[Part]:
        """Run all queries on all samples.

        Parameters
        ----------
        samples_raw : integers of shape (samples, inputs)
        queries : sequence of :class:`Query`
        limits : sequence, one per query
        ordered : :class:`bool`
            Whether the queries must run in order on the same lanes: some read what others leave.

        Returns
        -------
        Iterator of :class:`Part`: samples outer, queries inner, both ascending.
        """
        ...

    def close(self) -> None:
        """Release what the kernel holds; it comes back with the next evaluation."""
        ...
