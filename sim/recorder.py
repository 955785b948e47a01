"""A device that remembers its evaluations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateOutputs, Counters, Device, Outputs, Query, loaded
from tenzo.sw.engine import EngineParameters
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.program import Program
from tenzo.sw.training.coordinates import coordinate_outputs

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """One call of ``evaluate``: what it ran on, and what came back.

    ``outputs_raw`` is int64 of shape (queries, samples, outputs). ``sliced`` if the queries are
    coordinates, which a device may have evaluated by slices.
    """

    program: Program
    parameters_raw: IntArray
    samples_raw: IntArray
    queries: tuple[Query, ...]
    outputs_raw: IntArray
    sliced: bool = False


class Recorder:
    """Device that keeps what another one was asked and what it answered.

    Parameters
    ----------
    device : :class:`Device`
    alter : callable, optional
        Changes every program before it is loaded.

    Members
    -------
    evaluations : list of :class:`Evaluation`, the latest last; for the user to clear
    """

    def __init__(self, device: Device, alter: Callable[[Program], Program] | None = None) -> None:
        self.device = device
        self.engine: EngineParameters = device.engine
        self.evaluations: list[Evaluation] = []
        self._alter = alter
        self._program: Program | None = None
        self._parameters_raw: IntArray = np.zeros(0, np.int64)

    @property
    def name(self) -> str:
        """Name of the other device."""
        return self.device.name

    @property
    def program(self) -> Program:
        """The program that is loaded, altered."""
        return loaded(self._program)

    def load_program(self, program: Program) -> None:
        """Load a stage program."""
        self._program = self._alter(program) if self._alter else program
        self.device.load_program(self._program)

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write the master weights, then biases."""
        self._parameters_raw = parameters_raw.copy()
        self.device.write_parameters(parameters_raw)

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples, and keep the outputs."""
        outputs_raw = self._record(samples_raw, queries, sliced=False)
        for item in self.device.evaluate(samples_raw, queries):
            stop = item.first_sample + len(item.outputs_raw)
            outputs_raw[item.query, item.first_sample : stop] = item.outputs_raw
            yield item

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate coordinates, and keep the outputs as those of one-hot queries."""
        queries = [Query.one_hot(*coordinate) for coordinate in coordinates]
        outputs_raw = self._record(samples_raw, queries, sliced=True)
        for part in coordinate_outputs(self.device, samples_raw, coordinates):
            outputs_raw[part.first : part.first + len(part.outputs_raw)] = part.outputs_raw
            yield part

    def _record(self, samples_raw: IntArray, queries: Sequence[Query], sliced: bool) -> IntArray:
        """Remember an evaluation and return the array that its outputs go to."""
        shape = len(queries), len(samples_raw), self.program.output_count
        outputs_raw = np.zeros(shape, np.int64)
        samples_raw, asked = samples_raw.copy(), tuple(queries)
        self.evaluations.append(
            Evaluation(self.program, self._parameters_raw, samples_raw, asked, outputs_raw, sliced)
        )
        return outputs_raw

    def read_counters(self) -> Counters:
        """Return the counters."""
        return self.device.read_counters()

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self.device.clear_counters()

    def close(self) -> None:
        """Release what the device holds."""
        self.device.close()

    def reload(self) -> None:
        """Load program and parameters again, after others were loaded."""
        self.device.load_program(self.program)
        self.device.write_parameters(self._parameters_raw)
