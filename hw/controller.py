"""Controller: executes packets one at a time and answers each of them."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tenzo.hw.decode import Decoder, StateLayout, field
from tenzo.hw.interface import CoreSignature, PacketLayout, ResponseLayout, ResponseWriteLayout
from tenzo.hw.reads import Reader
from tenzo.hw.writes import BlockWriter
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import RESPONSE_BIT, Opcode

_WRITES = {
    Opcode.WRITE_PROGRAM: "program_valid",
    Opcode.WRITE_PARAMETERS: "parameters_valid",
    Opcode.WRITE_SAMPLES: "samples_valid",
}


class Controller(wiring.Component):
    """Controller between the packet link and the core.

    ::

        packet -> same sequence number as the last one? -- yes -------------+
                    | no                                                    |
                  Decoder -- refused ---------------------------------------+
                    | passed                                                |
                    +- BlockWriter -> program, parameter, sample writes ----+
                    +- Reader <- results, counters, saturations, identity --+
                    +- query, configuration, clear -------------------------+-> response

    Executes the packets of :data:`tenzo.sw.packets.LAYOUTS`, one at a time: a packet is accepted
    when its response has been sent. A packet that is refused changes nothing but the response that
    its repetition would get; one that the link found damaged does not change that either. Software
    twin: :class:`tenzo.sw.link.endpoint.Endpoint`.

    A query reaches the core six cycles after the last word of its packet. Resources on ECP5, for
    8 lanes of 16 bits: 700 LUTs, 200 carry cells, 270 flip-flops, no block RAM, no multiplier.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    compact : :class:`bool`
        Write descriptor words more slowly, see :class:`BlockWriter`.

    Members
    -------
    packet, payload_address, payload_data, response, response_write
        The link, see :class:`tenzo.hw.link.Link`.
    core : ``Out(CoreSignature(engine))``
        The core.
    """

    packet: Any
    payload_address: Any
    payload_data: Any
    response: Any
    response_write: Any
    core: Any

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self._engine = engine
        self._compact = compact
        super().__init__(
            {
                "packet": In(stream.Signature(PacketLayout())),
                "payload_address": Out(8),
                "payload_data": In(32),
                "response": Out(stream.Signature(ResponseLayout())),
                "response_write": Out(ResponseWriteLayout()),
                "core": In(CoreSignature(engine)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._packet = self.packet.payload
        self._state = Signal(StateLayout())
        self._last = Signal(ResponseLayout())
        self._last_valid = Signal()
        self._add_parts(m)
        self._connect_core(m)
        self._connect_response(m)
        opcode, sequence = self._packet.opcode, self._packet.sequence
        repeated = self._last_valid & (sequence == self._last.sequence)
        with m.FSM():
            with m.State("IDLE"), m.If(self.packet.valid):
                with m.If((self._packet.code != 0) | (repeated & (opcode != Opcode.IDENTIFY))):
                    m.next = "RESPOND"
                with m.Else():
                    m.d.comb += self._decoder.start.eq(1)
                    m.next = "CHECK"
            with m.State("CHECK"), m.If(self._decoder.done):
                m.d.sync += [
                    self._last_valid.eq(1),
                    self._last.opcode.eq(opcode | RESPONSE_BIT),
                    self._last.sequence.eq(sequence),
                    self._last.length.eq(0),
                    self._last.code.eq(self._decoder.code),
                ]
                m.next = "EXECUTE"
                with m.If(self._decoder.code != 0):
                    m.next = "RESPOND"
            with m.State("EXECUTE"):
                self._execute(m)
            with m.State("WRITE"), m.If(self._writer.done):
                self._finish_write(m)
                m.next = "RESPOND"
            with m.State("READ"), m.If(self._reader.done):
                self._finish_read(m)
                m.next = "RESPOND"
            with m.State("CLEAR"), m.If(~self.core.clear_busy):
                m.next = "RESPOND"
            with m.State("RESPOND"):
                m.d.comb += self.response.valid.eq(1)
                with m.If(self.response.ready):
                    m.d.comb += self.packet.ready.eq(1)
                    m.next = "IDLE"
        return m

    def _add_parts(self, m: Module) -> None:
        m.submodules.decoder = self._decoder = Decoder(self._engine)
        m.submodules.writer = self._writer = BlockWriter(self._engine, compact=self._compact)
        m.submodules.reader = self._reader = Reader(self._engine)
        m.d.comb += [
            self._decoder.packet.eq(self._packet),
            self._decoder.state.eq(self._state),
            self._writer.packet.eq(self._packet),
            self._writer.payload_data.eq(self.payload_data),
            self.payload_address.eq(self._writer.payload_address),
            self._reader.packet.eq(self._packet),
            self._reader.result_count.eq(self._decoder.result_count),
            self.response_write.eq(self._reader.write),
        ]

    def _connect_core(self, m: Module) -> None:
        core, query = self.core, self.core.query.payload
        for name in query.shape().members:
            m.d.comb += query[name].eq(field(self._packet, Opcode.QUERY, name))
        wiring.connect(m, self._writer.sample_write, flipped(core.sample_write))
        m.d.comb += [
            core.weight_count.eq(self._state.weight_count),
            core.bias_count.eq(self._state.bias_count),
            core.program_write.eq(self._writer.program_write),
            core.parameter_write.eq(self._writer.parameter_write),
            core.result_read.eq(self._reader.result_read),
            self._reader.result_data.eq(core.result_data),
            core.tally_read.eq(self._reader.tally_read),
            self._reader.tally_data.eq(core.tally_data),
        ]

    def _connect_response(self, m: Module) -> None:
        """Answer a damaged packet by its own code, any other by the last response."""
        response = self.response.payload
        m.d.comb += response.eq(self._last)
        with m.If(self._packet.code != 0):
            m.d.comb += [
                response.sequence.eq(self._packet.sequence),
                response.code.eq(self._packet.code),
            ]

    def _execute(self, m: Module) -> None:
        """Start what the opcode asks for; every path ends in the state RESPOND."""
        core, state = self.core, self._state
        with m.Switch(self._packet.opcode):
            with m.Case(Opcode.CONFIGURE):
                m.d.comb += core.configure.eq(1)
                for name in ("weight_count", "bias_count", "stage_count"):
                    m.d.sync += state[name].eq(field(self._packet, Opcode.CONFIGURE, name))
                m.d.sync += [state[flag].eq(0) for flag in _WRITES.values()]
                m.next = "RESPOND"
            with m.Case(*_WRITES):
                m.d.comb += self._writer.start.eq(1)
                m.next = "WRITE"
            with m.Case(Opcode.QUERY):
                m.d.comb += core.query.valid.eq(1)
                with m.If(core.query.ready):
                    m.d.sync += state.outstanding.eq(state.outstanding + 1)
                    m.next = "RESPOND"
            with m.Case(Opcode.CLEAR_COUNTERS):
                m.d.comb += core.clear.eq(1)
                m.next = "CLEAR"
            with m.Default():
                # After reset a loop zeroes the saturation counts: none of them is read before.
                results = self._packet.opcode == Opcode.READ_RESULTS
                with m.If(Mux(results, core.result_ready, ~core.clear_busy)):
                    m.d.comb += self._reader.start.eq(1)
                    m.next = "READ"

    def _finish_write(self, m: Module) -> None:
        for opcode, flag in _WRITES.items():
            complete = field(self._packet, opcode, "complete")
            with m.If((self._packet.opcode == opcode) & complete):
                m.d.sync += self._state[flag].eq(1)

    def _finish_read(self, m: Module) -> None:
        release = field(self._packet, Opcode.READ_RESULTS, "release")
        m.d.sync += self._last.length.eq(self._reader.count)
        with m.If((self._packet.opcode == Opcode.READ_RESULTS) & release):
            m.d.comb += self.core.result_release.eq(1)
            m.d.sync += self._state.outstanding.eq(self._state.outstanding - 1)
