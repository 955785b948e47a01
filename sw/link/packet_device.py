"""A device behind a packet link: the RTL in a simulator, a board, or the Python endpoint."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateOutputs, Counters, Outputs, Query, loaded
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError, UserError
from tenzo.sw.link.coordinate_sweep import CoordinateSweep, Swept, one_hot_outputs
from tenzo.sw.link.core_model import COUNTER_LIMIT
from tenzo.sw.link.identity import check_identity
from tenzo.sw.link.packet_schedule import schedule_runs
from tenzo.sw.link.program_memory import ProgramMemory
from tenzo.sw.link.requests import PacketRequest, parameter_requests
from tenzo.sw.link.session import EmptyError, RefusedError, Session, Transport
from tenzo.sw.packets import (
    COUNTER_WORDS,
    LAYOUTS,
    MAX_OUTSTANDING_QUERIES,
    Opcode,
)
from tenzo.sw.perturbation import check_query
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.program_check import check_program
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.planning.sweep_program import SweepProgram
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

MOST_OUTPUTS = 1 << 24
"""Outputs of coordinates, of all samples, that are in memory at once: 128 MB."""

_LOG = logging.getLogger(__name__)


class PacketDevice:
    """Device that speaks packets with an engine over a transport.

    Queries are pipelined: up to :data:`~tenzo.sw.packets.MAX_OUTSTANDING_QUERIES` are queued while
    results are read, and samples of the next wave are loaded into the idle one of two sample
    regions where the program has two.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        What the engine behind the link must be.
    transport : :class:`Transport`
    name : :class:`str`
        Name as written in a summary.

    Members
    -------
    coordinate_counters : what the engine counted for coordinates since the last clear, per slot

    Raises
    ------
    UserError
        If what answers is no engine, or another one.
    """

    def __init__(
        self, engine: EngineParameters, transport: Transport, name: str = "packet"
    ) -> None:
        self.engine = engine
        self._session = Session(transport)
        self._memory = ProgramMemory(self._session)
        self._name = name
        self._program: Program | None = None
        self._sweep: CoordinateSweep | None = None
        self._sweepable, self._ready = True, False
        self._before = self.coordinate_counters = Counters.none(engine.stage_slots)
        check_identity(self._session.command(PacketRequest(Opcode.IDENTIFY)), engine)
        self._release_all()
        self._clear_counters()

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return self._name

    def load_program(self, program: Program) -> None:
        """Load a stage program; :class:`UserError` if it does not fit the engine.

        Parameters and samples must be written afterwards.
        """
        check_program(program, self.engine)
        self._memory.configure(program, self.engine.stage_slots)
        self._program, self._sweep = program, None
        self._sweepable, self._ready = True, False
        self._session.transport.allow(_longest_wait(program, self.engine))

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write the master weights, then biases: raw integers of shape (parameter_count,)."""
        requests = parameter_requests(loaded(self._program), self.engine, parameters_raw)
        with self._expecting_readiness():
            self._session.commands(requests)
        self._ready = True

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), one item per wave and query.

        A caller that stops early costs nothing but the queries already queued.

        Raises
        ------
        UserError
            If samples or queries are not what the program and the engine take.
        """
        program = loaded(self._program)
        for query in queries:
            check_query(query, program, self.engine)
        with self._expecting_readiness():
            self._memory.load(program.stages)
        abandoned = False
        requests = schedule_runs(
            program,
            self.engine,
            samples_raw,
            queries,
            lambda: abandoned or self._session.refused,
        )
        runs = self._session.results(requests)
        try:
            with self._expecting_readiness():
                for run, results in runs:
                    yield Outputs(run.query, run.first_sample, results)
        finally:
            abandoned = True
            for _ in runs:
                pass

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate the network with one parameter changed, for every coordinate.

        The engine runs slices where all stage inputs fit its lanes, whole networks elsewhere. What
        it counts meanwhile goes to ``coordinate_counters``, not to :meth:`read_counters`: a golden
        model works the same outputs out in another way.

        Parameters
        ----------
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
            Those of one row together cost least.

        Returns
        -------
        Iterator of :class:`CoordinateOutputs`, in order.
        """
        program = loaded(self._program)
        for coordinate in coordinates:
            check_query(Query.one_hot(*coordinate), program, self.engine)
        together = max(1, MOST_OUTPUTS // max(1, len(samples_raw) * program.output_count))
        for first in range(0, len(coordinates), together):
            some = coordinates[first : first + together]
            self._before = self._before.plus(self._take_counters())
            with self._expecting_readiness():
                swept = self._sweep_some(samples_raw, some)
            counted = self._take_counters()
            self.coordinate_counters = self.coordinate_counters.plus(counted)
            _check_cycles(counted, swept)
            yield CoordinateOutputs(first, swept.outputs_raw)

    def read_counters(self) -> Counters:
        """Return the counters; ``saturations`` has one item per stage of the program."""
        stages = len(loaded(self._program).stages)
        return self._before.plus(self._read_counters()).stopped(COUNTER_LIMIT, stages)

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._clear_counters()
        self._before = self.coordinate_counters = Counters.none(self.engine.stage_slots)

    def close(self) -> None:
        """Release the link."""
        self._session.transport.close()

    @contextmanager
    def _expecting_readiness(self) -> Iterator[None]:
        """Turn refusals that a loaded engine cannot give into the loss of the device."""
        try:
            yield
        except (RefusedError, EmptyError) as error:
            if not self._ready:
                raise
            raise LostDeviceError(f"the engine was reset in between: {error}") from error

    def _open_sweep(self, program: Program) -> CoordinateSweep | None:
        """Return the sweep of the program, worked out once; None if the engine has no room."""
        if self._sweep is None and self._sweepable:
            try:
                self._sweep = CoordinateSweep(SweepProgram(program, self.engine), self._memory)
            except UserError as error:
                self._sweepable = False
                _LOG.info("coordinates are evaluated by whole networks: %s", error)
        return self._sweep

    def _sweep_some(self, samples_raw: IntArray, coordinates: Sequence[Coordinate]) -> Swept:
        """Evaluate coordinates by slices, or by whole networks where there is no room for them."""
        program = loaded(self._program)
        sweep = self._open_sweep(program)
        if sweep is not None:
            return sweep.evaluate(samples_raw, coordinates)
        runs = len(coordinates) * -(-len(samples_raw) // self.engine.lane_count)
        outputs = one_hot_outputs(self, samples_raw, coordinates)
        return Swept(outputs, runs * program_cycles(program, self.engine), runs * program.macs)

    def _take_counters(self) -> Counters:
        """Read the engine's counters and set them to zero."""
        counters = self._read_counters()
        self._clear_counters()
        return counters

    def _clear_counters(self) -> None:
        self._session.command(PacketRequest(Opcode.CLEAR_COUNTERS))
        self._session.queries = 0

    def _read_counters(self) -> Counters:
        """Return what the engine counts, ``saturations`` of all stage slots.

        An engine that was reset answers with zeros, but had not run the queries: that is why they
        are read last.
        """
        fields = LAYOUTS[Opcode.READ_SATURATIONS].pack(first=0, count=self.engine.stage_slots)
        saturations = self._session.command(PacketRequest(Opcode.READ_SATURATIONS, fields))
        words = self._session.command(PacketRequest(Opcode.READ_COUNTERS))
        values = dict(zip(COUNTER_WORDS, words, strict=True))
        queries = min(self._session.queries, COUNTER_LIMIT)
        if values["queries"] != queries:
            raise LostDeviceError(
                f"the engine was reset in between: it counts {values['queries']} of "
                f"{queries} queries"
            )
        return Counters(saturations=np.array(saturations, dtype=np.int64), **values)

    def _release_all(self) -> None:
        """Release queries that an earlier host left, which would have CONFIGURE refused."""
        block = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": 1}
        release = LAYOUTS[Opcode.READ_RESULTS].pack(**block, release=1)
        try:
            for _ in range(MAX_OUTSTANDING_QUERIES):
                self._session.command(PacketRequest(Opcode.READ_RESULTS, release))
        except EmptyError:
            return


def _longest_wait(program: Program, engine: EngineParameters) -> int:
    """Return the cycles in which an engine perturbs and runs all queries that it can hold."""
    perturbation = program.parameter_count * engine.max_bits
    return MAX_OUTSTANDING_QUERIES * (program_cycles(program, engine) + perturbation)


def _check_cycles(counted: Counters, swept: Swept) -> None:
    """Raise :class:`RuntimeError` if an engine took other cycles than planned."""
    actual = counted.run_cycles, counted.mac_cycles
    planned = swept.run_cycles, swept.mac_cycles
    if actual != planned and max(planned) < COUNTER_LIMIT:
        raise RuntimeError(
            f"the engine took {actual[0]} cycles and {actual[1]} multiply-accumulates for "
            f"coordinates, but {planned[0]} and {planned[1]} were planned"
        )
