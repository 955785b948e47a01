"""Structured evaluation on the golden device: many parameters, each changed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateLosses, CoordinateOutputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.kernels.kernel import Kernel
from tenzo.sw.kernels.losses import NativeLosses, native_losses
from tenzo.sw.kernels.native import NativeKernel
from tenzo.sw.kernels.sweep import LossPart, NativeSweep
from tenzo.sw.perturbation import check_query
from tenzo.sw.planning.delta import Coordinate, Deltas
from tenzo.sw.planning.kept import keep_all
from tenzo.sw.planning.program_check import check_program
from tenzo.sw.program import ADDRESS_MODULUS, Program

__all__ = ["CoordinateOutputs", "Coordinates", "check_coordinates"]

IntArray = npt.NDArray[np.int64]


class Coordinates:
    """Evaluates coordinates on one program.

    A compiled kernel corrects the sums of one base pass; any other works every coordinate out in
    full. The integers are the same.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    kernel : :class:`Kernel`
        With the program loaded.
    program : :class:`Program`
    """

    def __init__(self, engine: EngineParameters, kernel: Kernel, program: Program) -> None:
        self._kernel, self._program = kernel, program
        self._sweep: NativeSweep | None = None
        self._kept: NativeKernel | None = None
        if isinstance(kernel, NativeKernel):
            self._open(engine, kernel)

    def evaluate(
        self,
        parameters_raw: IntArray,
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
    ) -> Iterator[CoordinateOutputs]:
        """Yield the outputs of all coordinates, in order.

        Parameters
        ----------
        parameters_raw : int64 array of shape (parameter_count,)
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
        """
        if self._sweep is None or self._kept is None:
            yield from self._in_full(samples_raw, coordinates)
            return
        self._kept.write_parameters(parameters_raw)
        for part in self._sweep.evaluate(samples_raw, coordinates):
            for chosen, outputs in self._failed(part.first, part.failed, samples_raw, coordinates):
                part.outputs_raw[chosen] = outputs
            yield CoordinateOutputs(part.first, part.outputs_raw)

    def cross_entropy(
        self,
        parameters_raw: IntArray,
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
        frac_bits: int,
        labels: IntArray,
    ) -> Iterator[CoordinateLosses] | None:
        """Return the cross-entropies of all coordinates, in order, or nothing if not compiled.

        Parameters
        ----------
        parameters_raw, samples_raw, coordinates
            As for :meth:`evaluate`.
        frac_bits, labels
            As for :meth:`NativeLosses.cross_entropy`.
        """
        native = native_losses()
        if self._sweep is None or self._kept is None or native is None:
            return None
        self._kept.write_parameters(parameters_raw)
        parts = self._sweep.cross_entropy(samples_raw, coordinates, frac_bits, labels, native)
        return self._mended(parts, samples_raw, coordinates, frac_bits, labels, native)

    def _mended(
        self,
        parts: Iterator[LossPart],
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
        frac_bits: int,
        labels: IntArray,
        native: NativeLosses,
    ) -> Iterator[CoordinateLosses]:
        """Yield losses, those that failed worked out in full."""
        for part in parts:
            for chosen, outputs in self._failed(part.first, part.failed, samples_raw, coordinates):
                part.losses[chosen] = native.cross_entropy(outputs, frac_bits, labels)
            yield CoordinateLosses(part.first, part.losses)

    def _failed(
        self,
        first: int,
        failed: npt.NDArray[np.uint8],
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield places in a part of coordinates that failed, and their outputs."""
        places = np.flatnonzero(failed)
        again = [coordinates[first + index] for index in places.tolist()]
        for redone in self._in_full(samples_raw, again):
            yield places[redone.first : redone.first + len(redone.outputs_raw)], redone.outputs_raw

    def close(self) -> None:
        """Release memory and threads."""
        if self._sweep is not None:
            self._sweep.close()
        if self._kept is not None:
            self._kept.close()

    def _open(self, engine: EngineParameters, kernel: NativeKernel) -> None:
        """Open the sweep, unless the program is not one that it takes."""
        try:
            program = keep_all(self._program)
            deltas = Deltas(program)
        except UserError:
            return
        wide = replace(engine, lane_depth=ADDRESS_MODULUS - 1)
        self._kept = kernel.again(wide)
        self._kept.load_program(program, check_program(program, wide))
        self._sweep = NativeSweep(self._kept, deltas)
        if not self._sweep.works():
            self.close()
            self._sweep = None

    def _in_full(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate the whole network for every coordinate."""
        stop = len(self._program.stages)
        queries = [Query.one_hot(*coordinate) for coordinate in coordinates]
        limits = [(query.first, query.first + 1, 0, stop) for query in queries]
        together = max(1, (1 << 22) // (self._program.output_count * max(1, len(samples_raw))))
        for first in range(0, len(queries), together):
            some = slice(first, first + together)
            outputs = np.empty(
                (len(queries[some]), len(samples_raw), self._program.output_count), np.int64
            )
            for part in self._kernel.evaluate(samples_raw, queries[some], limits[some], False):
                for index, values in enumerate(part.outputs_raw, part.first_query):
                    outputs[index, part.first_sample : part.first_sample + len(values)] = values
            yield CoordinateOutputs(first, outputs)


def check_coordinates(
    coordinates: Sequence[Coordinate], program: Program, engine: EngineParameters
) -> None:
    """Raise :class:`UserError` if the engine would refuse some coordinate."""
    for extreme in (min, max) if coordinates else ():
        for key in (None, itemgetter(1)):
            check_query(Query.one_hot(*extreme(coordinates, key=key)), program, engine)
