"""Reader of responses: from counters, result buffers and constants to response words."""

from typing import Any

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.decode import field
from tenzo.hw.interface import (
    RESULT_LATENCY,
    TALLY_LATENCY,
    PacketLayout,
    ResponseWriteLayout,
    ResultReadLayout,
    TallyReadLayout,
)
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.link.identity import identity_words
from tenzo.sw.packets import COUNTER_WORDS, MAX_PAYLOAD_WORDS, Opcode


class Reader(wiring.Component):
    """Reader of responses.

    Executes ``IDENTIFY``, ``READ_RESULTS``, ``READ_COUNTERS`` and ``READ_SATURATIONS``: writes the
    payload of the response, word by word from address 0.

    Throughput is one word per clock cycle, after the latency of its source.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    packet : ``In(PacketLayout())``
        Packet that passed all checks, held until ``done``.
    result_count : ``In(9)``
        Words of a ``READ_RESULTS``, held until ``done``.
    start : ``In(1)``
        Pulse. For ``READ_RESULTS`` only when the result is ready.
    done : ``Out(1)``
        Low from the cycle after ``start`` until the last word is written.
    count : ``Out(9)``
        Words of the response, valid with ``done``.
    write : ``Out(ResponseWriteLayout())``
        Payload of the response.
    result_read, result_data, tally_read, tally_data
        Sources, see :class:`tenzo.hw.interface.CoreSignature`.
    """

    packet: Any
    result_count: Any
    start: Any
    done: Any
    count: Any
    write: Any
    result_read: Any
    result_data: Any
    tally_read: Any
    tally_data: Any

    def __init__(self, engine: EngineParameters) -> None:
        self._engine = engine
        super().__init__(
            {
                "packet": In(PacketLayout()),
                "result_count": In(9),
                "start": In(1),
                "done": Out(1),
                "count": Out(9),
                "write": Out(ResponseWriteLayout()),
                "result_read": Out(ResultReadLayout()),
                "result_data": In(signed(RESULT_WIDTH)),
                "tally_read": Out(TallyReadLayout()),
                "tally_data": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        issued = Signal(range(MAX_PAYLOAD_WORDS + 1))  # addresses presented so far
        written = Signal.like(issued)
        issuing, arrived = Signal(), Signal()
        m.d.comb += [issuing.eq(issued != self.count), self.done.eq(written == self.count)]
        count, latency = self._add_sources(m, issued, issuing)
        self._add_result_address(m, issuing)
        pipeline = [issuing]
        for _ in range(max(RESULT_LATENCY, TALLY_LATENCY)):
            pipeline.append(Signal())
            m.d.sync += pipeline[-1].eq(pipeline[-2] & ~self.start)
        m.d.comb += [
            arrived.eq(Array(pipeline)[latency]),
            self.write.valid.eq(arrived),
            self.write.address.eq(written),
        ]
        with m.If(self.start):
            m.d.sync += [self.count.eq(count), issued.eq(0), written.eq(0)]
        with m.Else():
            m.d.sync += [issued.eq(issued + issuing), written.eq(written + arrived)]
        return m

    def _add_sources(self, m: Module, issued: Value, issuing: Value) -> tuple[Value, Value]:
        """Select the word to write; return the response's length and its source's latency."""
        identity = identity_words(self._engine)
        count, latency = Signal.like(self.count), Signal(range(16))
        first = field(self.packet, Opcode.READ_SATURATIONS, "first")
        m.d.comb += [
            latency.eq(TALLY_LATENCY),
            self.tally_read.index.eq(first + issued),
            self.write.data.eq(self.tally_data),
        ]
        with m.Switch(self.packet.opcode):
            with m.Case(Opcode.READ_RESULTS):
                m.d.comb += [
                    count.eq(self.result_count),
                    latency.eq(RESULT_LATENCY),
                    self.write.data.eq(self.result_data),
                ]
            with m.Case(Opcode.READ_SATURATIONS):
                m.d.comb += [
                    count.eq(field(self.packet, Opcode.READ_SATURATIONS, "count")),
                    self.tally_read.valid.eq(issuing),
                ]
            with m.Case(Opcode.READ_COUNTERS):
                m.d.comb += [
                    count.eq(len(COUNTER_WORDS)),
                    self.tally_read.valid.eq(issuing),
                    self.tally_read.is_counter.eq(1),
                    self.tally_read.index.eq(issued),
                ]
            with m.Default():
                words = Array(Const(word, 32) for word in identity)
                m.d.comb += [
                    count.eq(len(identity)),
                    latency.eq(0),
                    self.write.data.eq(words[issued[:4]]),
                ]
        return count, latency

    def _add_result_address(self, m: Module, issuing: Value) -> None:
        """Walk over the outputs of a lane, then to the next lane."""
        opcode, address = Opcode.READ_RESULTS, self.result_read
        first = field(self.packet, opcode, "first_output")
        last_index = field(self.packet, opcode, "output_count") - 1
        left = Signal(range(max(2, self._engine.result_depth)))  # outputs after this one
        with m.If(self.start):
            lane = field(self.packet, opcode, "first_lane")
            m.d.sync += [address.lane.eq(lane), address.output.eq(first), left.eq(last_index)]
        with m.Elif(issuing):
            wrap = left == 0
            m.d.sync += [
                address.output.eq(Mux(wrap, first, address.output + 1)),
                address.lane.eq(address.lane + wrap),
                left.eq(Mux(wrap, last_index, left - 1)),
            ]
