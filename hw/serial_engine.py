"""An engine on a serial line: what a board holds beside clock and reset."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.cobs import FrameDecoder, FrameEncoder
from tenzo.hw.engine import Engine
from tenzo.hw.uart import UartReceiver, UartTransmitter, check_divisor
from tenzo.sw.engine import EngineParameters


class SerialEngine(wiring.Component):
    """Engine behind a serial line.

    ::

        rx -> UartReceiver -> FrameDecoder -> Engine -> FrameEncoder -> UartTransmitter -> tx
              bytes           words                     bytes

    Every frame of at least one word gets one response. A line cannot be stopped: bytes that arrive
    while the engine executes a packet are lost, so a host waits for each response. Resources
    beside the engine: those of the four parts around it, and a counter of two bits.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Formats, lanes and memory sizes.
    divisor : :class:`int`
        Clock cycles per bit of the line, at least 4.

    Members
    -------
    rx : ``In(1)``
        The line from the host; any clock.
    tx : ``Out(1)``
        The line to the host.
    busy : ``Out(1)``
        A packet is executed, or its response is being sent. For a light.

    Raises
    ------
    TypeError
        If the divisor is no integer.
    ValueError
        If the divisor is too small.
    """

    rx: Any
    tx: Any
    busy: Any

    def __init__(self, engine: EngineParameters, divisor: int) -> None:
        check_divisor(divisor)
        self.engine = engine
        self.divisor = divisor
        super().__init__({"rx": In(1), "tx": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.decoder = decoder = FrameDecoder()
        m.submodules.engine = engine = Engine(self.engine, compact=True)
        m.submodules.encoder = encoder = FrameEncoder()
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        wiring.connect(m, receiver.o, decoder.i)
        wiring.connect(m, decoder.o, engine.i)
        wiring.connect(m, engine.o, encoder.i)
        wiring.connect(m, encoder.o, transmitter.i)
        unanswered = Signal(2)
        asked = decoder.o.valid & decoder.o.ready & decoder.o.payload.last
        answered = engine.o.valid & engine.o.ready & engine.o.payload.last
        m.d.sync += unanswered.eq(unanswered + asked - answered)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.busy.eq((unanswered != 0) | encoder.busy | transmitter.busy),
        ]
        return m
