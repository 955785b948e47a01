"""A device behind a packet link: the RTL in a simulator, a board, or the Python endpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Counters, Outputs, Query
from tenzo.sw.engine import PROTOCOL_VERSION, EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.link.packet_schedule import (
    PacketRequest,
    parameter_requests,
    program_requests,
    schedule_runs,
)
from tenzo.sw.packets import (
    COUNTER_WORDS,
    IDENTITY_WORDS,
    LAYOUTS,
    MAGIC,
    MAX_OUTSTANDING_QUERIES,
    NAK_OPCODE,
    RESPONSE_BIT,
    NakCode,
    Opcode,
    Packet,
    decode_packet,
    encode_packet,
)
from tenzo.sw.perturbation import check_query
from tenzo.sw.planning.program_check import check_program
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]


class _EmptyError(RuntimeError):
    """No query is outstanding."""


_REFUSALS: dict[NakCode, type[Exception]] = {
    NakCode.ADDRESS: UserError,
    NakCode.VALUE: UserError,
    NakCode.NOT_READY: UserError,
    NakCode.EMPTY: _EmptyError,
}


class Transport(Protocol):
    """Carries packets to an engine and its responses back."""

    def exchange(self, requests: Iterable[list[int]]) -> Iterable[list[int]]:
        """Send packets back to back and yield the response to each, in order.

        Packets and responses are lists of unsigned 32-bit words, header to CRC. A transport may
        take several requests before it yields the first response: the engine holds back what it
        cannot take yet.
        """
        ...

    def allow(self, cycles: int) -> None:
        """Take note that an engine may compute for some clock cycles before it responds."""
        ...

    def close(self) -> None:
        """Release the link."""
        ...


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

    Raises
    ------
    UserError
        If what answers is no engine, or another one.
    """

    def __init__(
        self, engine: EngineParameters, transport: Transport, name: str = "packet"
    ) -> None:
        self.engine = engine
        self._transport = transport
        self._name = name
        self._sequence = -1
        self._refusal: Exception | None = None
        self._program: Program | None = None
        self._check_identity(self._command(PacketRequest(Opcode.IDENTIFY)))
        self._release_all()

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return self._name

    def load_program(self, program: Program) -> None:
        """Load a stage program; :class:`UserError` if it does not fit the engine.

        Parameters and samples must be written afterwards.
        """
        check_program(program, self.engine)
        self._commands(program_requests(program))
        self._program = program
        self._transport.allow(_longest_wait(program, self.engine))

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write the master weights, then biases: raw integers of shape (parameter_count,)."""
        self._commands(parameter_requests(self._loaded(), self.engine, parameters_raw))

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), one item per wave and query.

        A caller that stops early costs nothing but the queries already queued.

        Raises
        ------
        UserError
            If samples or queries are not what the program and the engine take.
        """
        program = self._loaded()
        for query in queries:
            check_query(query, program, self.engine)
        abandoned = False
        requests = schedule_runs(
            program,
            self.engine,
            samples_raw,
            queries,
            lambda: abandoned or self._refusal is not None,
        )
        items: list[tuple[PacketRequest, tuple[int, ...]]] = []
        responses = self._exchange(requests)
        try:
            for request, payload in responses:
                if request.run is None:
                    continue
                items.append((request, payload))
                if request.completes:
                    yield self._outputs(items)
                    items = []
        finally:
            abandoned = True
            for _ in responses:
                pass

    def read_counters(self) -> Counters:
        """Return the counters; ``saturations`` has one item per stage of the program."""
        words = self._command(PacketRequest(Opcode.READ_COUNTERS))
        values = dict(zip(COUNTER_WORDS, words, strict=True))
        stages = len(self._loaded().stages)
        fields = LAYOUTS[Opcode.READ_SATURATIONS].pack(first=0, count=stages)
        saturations = self._command(PacketRequest(Opcode.READ_SATURATIONS, fields))
        return Counters(saturations=np.array(saturations, dtype=np.int64), **values)

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._command(PacketRequest(Opcode.CLEAR_COUNTERS))

    def close(self) -> None:
        """Release the link."""
        self._transport.close()

    def _loaded(self) -> Program:
        """Return the program in the engine."""
        if self._program is None:
            raise UserError("no program is loaded: call load_program first")
        return self._program

    def _outputs(self, items: Sequence[tuple[PacketRequest, tuple[int, ...]]]) -> Outputs:
        """Join the results of one run, read in one or several packets."""
        run = items[0][0].run
        assert run is not None
        results = np.empty((run.sample_count, run.output_count), dtype=np.int64)
        for request, payload in items if run.output_count else ():
            block = np.array(payload, dtype=np.uint32).astype(np.int32)
            shape = len(request.lanes), len(request.outputs)
            results[np.ix_(request.lanes, request.outputs)] = block.reshape(shape)
        return Outputs(run.query, run.first_sample, results)

    def _release_all(self) -> None:
        """Release queries that an earlier host left, which would have CONFIGURE refused."""
        block = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": 1}
        release = LAYOUTS[Opcode.READ_RESULTS].pack(**block, release=1)
        try:
            for _ in range(MAX_OUTSTANDING_QUERIES):
                self._command(PacketRequest(Opcode.READ_RESULTS, release))
        except _EmptyError:
            return

    def _check_identity(self, words: Sequence[int]) -> None:
        """Compare what answered with what was asked for."""
        identity = dict(zip(IDENTITY_WORDS, words, strict=False))
        if identity.get("magic") != MAGIC:
            raise UserError("no Tenzo engine answers on this link: check the port and its speed")
        version = identity["protocol_version"]
        if version != PROTOCOL_VERSION:
            raise UserError(
                f"the engine speaks protocol version {version}, this program version "
                f"{PROTOCOL_VERSION}: build the engine again"
            )
        digest = identity["digest_low"] | identity["digest_high"] << 32
        if digest != self.engine.digest:
            raise UserError(
                f"the engine's digest is {digest:#018x}, the configuration's is "
                f"{self.engine.digest:#018x}: build an engine from this configuration, or use the "
                "configuration that this engine was built from"
            )

    def _command(self, request: PacketRequest) -> tuple[int, ...]:
        """Send one packet and return the payload of its response."""
        return self._commands([request])[0]

    def _commands(self, requests: Iterable[PacketRequest]) -> list[tuple[int, ...]]:
        """Send packets and return the payloads of their responses."""
        return [payload for _, payload in self._exchange(requests)]

    def _exchange(
        self, requests: Iterable[PacketRequest]
    ) -> Iterator[tuple[PacketRequest, tuple[int, ...]]]:
        """Number, send and check packets; the first NAK is raised after all have been answered."""
        self._refusal = None
        pending: deque[tuple[PacketRequest, int]] = deque()

        def packets() -> Iterator[list[int]]:
            for request in requests:
                self._sequence = self._sequence % 255 + 1 if self._sequence >= 0 else 0
                pending.append((request, self._sequence))
                yield encode_packet(request.opcode, self._sequence, request.payload)

        for words in self._transport.exchange(packets()):
            request, sequence = pending.popleft()
            try:
                payload = _response(request.opcode, sequence, words)
            except (UserError, RuntimeError) as error:
                self._refusal = self._refusal or error
                continue
            if self._refusal is None:
                yield request, payload
        if self._refusal is not None:
            raise self._refusal


def _longest_wait(program: Program, engine: EngineParameters) -> int:
    """Return the cycles in which an engine perturbs and runs all queries that it can hold."""
    perturbation = program.parameter_count * engine.max_bits
    return MAX_OUTSTANDING_QUERIES * (program_cycles(program, engine) + perturbation)


def _response(opcode: Opcode, sequence: int, words: Sequence[int]) -> tuple[int, ...]:
    """Return the payload of a good response; raise for a NAK or a damaged one."""
    packet = decode_packet(words)
    if not isinstance(packet, Packet):
        raise RuntimeError(f"the response to {opcode.name} is damaged: {packet.name}")
    if packet.sequence != sequence:
        raise RuntimeError(
            f"the response to {opcode.name} has sequence number {packet.sequence}, not {sequence}"
        )
    if packet.opcode == NAK_OPCODE:
        code = NakCode(packet.payload[0])
        kind = _REFUSALS.get(code, RuntimeError)
        raise kind(f"the engine refused {opcode.name}: {code.name}")
    if packet.opcode != opcode | RESPONSE_BIT:
        raise RuntimeError(f"the response to {opcode.name} has opcode {packet.opcode:#04x}")
    return packet.payload
