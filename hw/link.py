"""Packet link: receiver and sender, one beside the other."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tenzo.hw.interface import PacketLayout, ResponseLayout, ResponseWriteLayout, word_stream
from tenzo.hw.receiver import Receiver
from tenzo.hw.sender import Sender


class Link(wiring.Component):
    """Packet link between word streams and :class:`tenzo.hw.controller.Controller`.

    ::

        i -> Receiver -> packet, payload words  --+
                                                  |  Controller
        o <- Sender <- response, payload words  --+

    Every packet gets one response, in order. Throughput is one word per clock cycle and direction,
    one in 32 clock cycles if ``compact``. Resources on ECP5: 1,200 LUTs, most of them for the two
    CRCs, 350 flip-flops and 2 block RAMs; 470 LUTs if ``compact``.

    Parameters
    ----------
    compact : :class:`bool`
        Compute the CRCs bit by bit: for a link as slow as a serial line.

    Members
    -------
    i : ``In(word_stream())``
        Words of packets.
    o : ``Out(word_stream())``
        Words of responses.
    packet, payload_address, payload_data
        Received packets, see :class:`tenzo.hw.receiver.Receiver`.
    response, response_write
        Responses to send, see :class:`tenzo.hw.sender.Sender`.
    """

    i: Any
    o: Any
    packet: Any
    payload_address: Any
    payload_data: Any
    response: Any
    response_write: Any

    def __init__(self, *, compact: bool = False) -> None:
        self._compact = compact
        super().__init__(
            {
                "i": In(word_stream()),
                "o": Out(word_stream()),
                "packet": Out(stream.Signature(PacketLayout())),
                "payload_address": In(8),
                "payload_data": Out(32),
                "response": In(stream.Signature(ResponseLayout())),
                "response_write": In(ResponseWriteLayout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = Receiver(compact=self._compact)
        m.submodules.sender = sender = Sender(compact=self._compact)
        wiring.connect(m, flipped(self.i), receiver.i)
        wiring.connect(m, receiver.o, flipped(self.packet))
        wiring.connect(m, flipped(self.response), sender.i)
        wiring.connect(m, sender.o, flipped(self.o))
        m.d.comb += [
            receiver.payload_address.eq(self.payload_address),
            self.payload_data.eq(receiver.payload_data),
            sender.payload_write.eq(self.response_write),
        ]
        return m
