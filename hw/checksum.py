"""CRC-32 of words: in one cycle, or bit by bit in a sixth of the logic."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.crc import Processor
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

WORD_WIDTH = 32

_POLYNOMIAL = 0xEDB88320  # bits reversed, as the register shifts to the right
_RESIDUE = 0x2144DF1C  # the checksum of data with their own checksum


class Checksum(wiring.Component):
    """CRC-32 of a packet, as zlib's, each word as four little-endian bytes.

    Throughput is one word a clock cycle; if ``serial``, one in 32 clock cycles. ``crc`` and
    ``match`` cover a word in the cycle after it was accepted.

    On ECP5 the serial one takes at most 80 LUT4, 3 CCU2C and 37 flip-flops, the other one six
    times as many LUT4.

    Parameters
    ----------
    serial : :class:`bool`
        Take one bit a clock cycle.

    Members
    -------
    data : ``In(32)``
        Word.
    start : ``In(1)``
        It is the first of a packet.
    valid : ``In(1)``
        There is a word. It stays the same until ``ready``.
    ready : ``Out(1)``
        A word is accepted in this cycle, if there is one.
    crc : ``Out(32)``
        Checksum of the words since ``start``.
    match : ``Out(1)``
        The last of them is the checksum of those before.
    """

    data: Any
    start: Any
    valid: Any
    ready: Any
    crc: Any
    match: Any

    def __init__(self, *, serial: bool = False) -> None:
        self.serial = serial
        super().__init__(
            {
                "data": In(WORD_WIDTH),
                "start": In(1),
                "valid": In(1),
                "ready": Out(1),
                "crc": Out(WORD_WIDTH),
                "match": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.serial:
            self._add_serial(m)
        else:
            self._add_parallel(m)
        return m

    def _add_parallel(self, m: Module) -> None:
        m.submodules.processor = crc = Processor(CRC32_ISO_HDLC(data_width=WORD_WIDTH))
        m.d.comb += [
            crc.data.eq(self.data),
            crc.start.eq(self.start),
            crc.valid.eq(self.valid),
            self.ready.eq(1),
            self.crc.eq(crc.crc),
            self.match.eq(crc.match_detected),
        ]

    def _add_serial(self, m: Module) -> None:
        register = Signal(WORD_WIDTH, reset_less=True)  # bits inverted: it is the checksum itself
        index = Signal(range(WORD_WIDTH))
        before = Signal(WORD_WIDTH)
        feedback = Signal()
        m.d.comb += [
            before.eq(Mux(self.start & (index == 0), 0, register)),
            feedback.eq(~before[0] ^ self.data.bit_select(index, 1)),
            self.ready.eq(index == WORD_WIDTH - 1),
            self.crc.eq(register),
            self.match.eq(register == _RESIDUE),
        ]
        with m.If(self.valid):
            m.d.sync += [
                index.eq(index + 1),
                register.eq(Cat(before[1:], 1) ^ Mux(feedback, _POLYNOMIAL, 0)),
            ]
