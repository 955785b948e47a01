"""Receiver of packets: checks length and CRC before anyone sees them."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.checksum import Checksum
from tenzo.hw.interface import PacketLayout, word_stream
from tenzo.hw.memory import simple_memory
from tenzo.sw.packets import FIXED_WORDS, MAX_PAYLOAD_WORDS, NakCode

_COUNT_LIMIT = 511
"""Where the word counter stops: more than any good packet has."""


class Receiver(wiring.Component):
    """Receiver of packets.

    A packet is a run of words up to ``last``: header, payload, CRC. It appears on ``o`` once, when
    all of it is in, with the outcome of the two transport checks in ``code``: ``CRC`` if it has
    fewer than two words or the CRC over all words is wrong, else ``LENGTH`` if the header's count
    is not the number of payload words or exceeds 256. Nothing looks at a packet before that.

    Throughput is one word per clock cycle, if ``compact`` one in 32; the packet appears two cycles
    after its last word. While it is on ``o``, no word is accepted. Resources on ECP5: see
    :class:`tenzo.hw.link.Link`.

    Parameters
    ----------
    compact : :class:`bool`
        Compute the CRC bit by bit.

    Members
    -------
    i : ``In(word_stream())``
        Words.
    o : ``Out(stream.Signature(PacketLayout()))``
        Packets. The payload memory keeps the packet's words until it is accepted.
    payload_address : ``In(8)``
        Payload word to read.
    payload_data : ``Out(32)``
        Its value, one cycle later.
    """

    i: Any
    o: Any
    payload_address: Any
    payload_data: Any

    def __init__(self, *, compact: bool = False) -> None:
        self._compact = compact
        super().__init__(
            {
                "i": In(word_stream()),
                "o": Out(stream.Signature(PacketLayout())),
                "payload_address": In(8),
                "payload_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = crc = Checksum(serial=self._compact)
        count = Signal(range(_COUNT_LIMIT + 1))  # words of the packet so far
        length = Signal(16)  # payload words according to the header
        complete = Signal()
        word, packet = self.i.payload, self.o.payload
        listening, accept = Signal(), Signal()
        first = Signal(init=1)
        self._add_payload_memory(m, accept & (count - 1 < MAX_PAYLOAD_WORDS) & ~first, count - 1)
        m.d.comb += [
            listening.eq(~complete & ~self.o.valid),
            self.i.ready.eq(listening & crc.ready),
            accept.eq(self.i.valid & self.i.ready),
            crc.data.eq(word.data),
            crc.valid.eq(self.i.valid & listening),
            crc.start.eq(first),
        ]
        with m.If(accept):
            m.d.sync += [
                count.eq(Mux(count == _COUNT_LIMIT, count, count + 1)),
                complete.eq(word.last),
                first.eq(0),
            ]
            with m.If(first):
                m.d.sync += [
                    packet.opcode.eq(word.data[:8]),
                    packet.sequence.eq(word.data[8:16]),
                    length.eq(word.data[16:]),
                ]
            for index in range(FIXED_WORDS):
                with m.If(count == index + 1):
                    m.d.sync += packet.head[index].eq(word.data)
        with m.If(complete):
            m.d.sync += [complete.eq(0), count.eq(0), first.eq(1)]
            m.d.sync += [self.o.valid.eq(1), packet.length.eq(length)]
            with m.If(~crc.match | (count < 2)):
                m.d.sync += packet.code.eq(NakCode.CRC)
            with m.Elif((length != count - 2) | (length > MAX_PAYLOAD_WORDS)):
                m.d.sync += packet.code.eq(NakCode.LENGTH)
            with m.Else():
                m.d.sync += packet.code.eq(0)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m

    def _add_payload_memory(self, m: Module, enable: Value, address: Value) -> None:
        m.submodules.payload = memory = simple_memory(32, MAX_PAYLOAD_WORDS)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(enable),
            write.addr.eq(address),
            write.data.eq(self.i.payload.data),
            read.addr.eq(self.payload_address),
            self.payload_data.eq(read.data),
        ]
