"""A device that remembers its last evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Counters, Device, Outputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]


class Recorder:
    """Device that keeps what another one was asked and what it answered.

    Parameters
    ----------
    device : :class:`Device`
    alter : callable, optional
        Changes every program before it is loaded.

    Members
    -------
    program, parameters_raw, samples_raw, queries : what the last evaluation ran on
    outputs_raw : int64 array of shape (queries, samples, outputs)
    """

    def __init__(self, device: Device, alter: Callable[[Program], Program] | None = None) -> None:
        self.device = device
        self._alter = alter
        self.engine: EngineParameters = device.engine
        self.program: Program | None = None
        self.parameters_raw: IntArray = np.zeros(0, np.int64)
        self.samples_raw: IntArray = np.zeros((0, 0), np.int64)
        self.queries: tuple[Query, ...] = ()
        self.outputs_raw: IntArray = np.zeros((0, 0, 0), np.int64)

    @property
    def name(self) -> str:
        """Name of the other device."""
        return self.device.name

    def load_program(self, program: Program) -> None:
        """Load a stage program."""
        self.program = self._alter(program) if self._alter else program
        self.device.load_program(self.program)

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write the master weights, then biases."""
        self.parameters_raw = parameters_raw.copy()
        self.device.write_parameters(parameters_raw)

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples, and keep the outputs."""
        assert self.program is not None
        self.samples_raw, self.queries = samples_raw.copy(), tuple(queries)
        shape = len(queries), len(samples_raw), self.program.output_count
        self.outputs_raw = np.zeros(shape, np.int64)
        for item in self.device.evaluate(samples_raw, queries):
            stop = item.first_sample + len(item.outputs_raw)
            self.outputs_raw[item.query, item.first_sample : stop] = item.outputs_raw
            yield item

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
        assert self.program is not None
        self.device.load_program(self.program)
        self.device.write_parameters(self.parameters_raw)
