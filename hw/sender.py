"""Sender of responses: adds header and CRC."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.checksum import Checksum
from tenzo.hw.interface import ResponseLayout, ResponseWriteLayout, word_stream
from tenzo.hw.memory import simple_memory
from tenzo.sw.packets import MAX_PAYLOAD_WORDS, NAK_OPCODE


class _StagedLayout(data.StructLayout):
    """A word on the way to the CRC: the header is ``first``, the CRC's own place ``last``."""

    def __init__(self, *, compact: bool = False) -> None:
        self._compact = compact
        super().__init__({"data": 32, "first": 1, "last": 1})


class Sender(wiring.Component):
    """Sender of responses.

    Sends a header, ``length`` words of the payload memory and a CRC. A response with a ``code`` is
    sent as a NAK whose payload is that code; the payload memory is not touched, so that an earlier
    response can be sent again. ::

        payload memory, header, code -> register -> CRC -> o

    Throughput is one word per clock cycle, if ``compact`` one in 32; the header appears two cycles
    after the response, the CRC permitting.
    Back-pressure holds the present word; no word is lost or sent twice. A response is accepted when
    all its payload has left the memory, which must not be written until then; the next one may
    follow at once.
    Resources on ECP5: see :class:`tenzo.hw.link.Link`.

    Parameters
    ----------
    compact : :class:`bool`
        Compute the CRC bit by bit.

    Members
    -------
    i : ``In(stream.Signature(ResponseLayout()))``
        Responses.
    payload_write : ``In(ResponseWriteLayout())``
        Writes to the payload memory.
    o : ``Out(word_stream())``
        Words, the CRC marked ``last``.
    """

    i: Any
    payload_write: Any
    o: Any

    def __init__(self, *, compact: bool = False) -> None:
        self._compact = compact
        super().__init__(
            {
                "i": In(stream.Signature(ResponseLayout())),
                "payload_write": In(ResponseWriteLayout()),
                "o": Out(word_stream()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = crc = Checksum(serial=self._compact)
        staged = Signal(_StagedLayout(), reset_less=True)
        staged_valid = Signal()
        free, take = Signal(), Signal()  # the staged word may move on, moves on
        advance = self._stage(m, staged, ~staged_valid | take)
        m.d.comb += [
            free.eq(staged_valid & (~self.o.valid | self.o.ready)),
            take.eq(free & (staged.last | crc.ready)),
            crc.data.eq(staged.data),
            crc.valid.eq(free & ~staged.last),
            crc.start.eq(staged.first),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(take):
            m.d.sync += [
                staged_valid.eq(0),
                self.o.valid.eq(1),
                self.o.payload.data.eq(Mux(staged.last, crc.crc, staged.data)),
                self.o.payload.last.eq(staged.last),
            ]
        with m.If(advance):
            m.d.sync += staged_valid.eq(1)
        return m

    def _stage(self, m: Module, staged: Any, free: Value) -> Value:
        """Put one word after the other into a register; return whether one goes there."""
        response = self.i.payload
        refused = response.code != 0
        length = Mux(refused, 1, response.length)
        position = Signal(range(MAX_PAYLOAD_WORDS + 2))  # 0 header, then payload, then CRC
        address = Signal(range(MAX_PAYLOAD_WORDS))  # of the payload word of that position
        following = Signal.like(address)
        payload_data = self._add_payload_memory(m, following)
        first, last, advance = Signal(), Signal(), Signal()
        opcode = Mux(refused, NAK_OPCODE, response.opcode)
        header = Cat(opcode[:8], response.sequence, length)
        m.d.comb += [
            first.eq(position == 0),
            last.eq(position == length + 1),
            advance.eq(self.i.valid & free),
            following.eq(Mux(advance, position, address)),
            self.i.ready.eq(advance & last),
        ]
        with m.If(advance):
            m.d.sync += [
                staged.first.eq(first),
                staged.last.eq(last),
                staged.data.eq(
                    Mux(first | refused, Mux(first, header, response.code), payload_data)
                ),
                position.eq(Mux(last, 0, position + 1)),
                address.eq(following),
            ]
        return advance

    def _add_payload_memory(self, m: Module, address: Value) -> Value:
        """Add the memory; return the word at last cycle's address."""
        m.submodules.payload = memory = simple_memory(32, MAX_PAYLOAD_WORDS)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.payload_write.valid),
            write.addr.eq(self.payload_write.address),
            write.data.eq(self.payload_write.data),
            read.addr.eq(address),
        ]
        return read.data
