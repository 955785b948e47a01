"""Bytes on a serial line: 8 data bits, no parity, one stop bit, idle high."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from tenzo.sw.engine import MIN_DIVISOR

BITS = 10
"""Bits of a byte on the line: start bit, 8 data bits from the lowest, stop bit."""

_SYNCHRONISER_CYCLES = 2


def check_divisor(divisor: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless a line can have so many cycles per bit."""
    if not isinstance(divisor, int):
        raise TypeError(f"divisor must be an integer, not {divisor!r}")
    if divisor < MIN_DIVISOR:
        raise ValueError(f"divisor must be at least {MIN_DIVISOR}, not {divisor!r}")


class UartReceiver(wiring.Component):
    """Receiver of bytes from a serial line.

    ::

        rx -> synchroniser -> start bit? -> one sample in the middle of each bit -> o

    A start bit that is gone in its middle is noise and no byte; a byte without a stop bit is
    dropped, and nothing more is taken before the line is high again. The sender's clock may be 2 %
    off at any divisor, 4 % at 16 and more.

    Throughput is one byte in 10 bits; a sender may begin the next start bit ``divisor // 2`` cycles
    early, less what its clock is off in a byte. A byte appears ``(divisor - 3) // 2 + 9 * divisor +
    4`` cycles after the edge of its start bit. It waits on ``o`` until the next one arrives, which
    is lost if it still waits then: a line cannot be stopped. On ECP5 it takes at most 34 LUT4, 4
    CCU2C and 30 flip-flops with a divisor of 100.

    Parameters
    ----------
    divisor : :class:`int`
        Clock cycles per bit, at least 4.

    Members
    -------
    rx : ``In(1)``
        The line; any clock.
    o : ``Out(stream.Signature(8))``
        Bytes.

    Raises
    ------
    TypeError
        If the divisor is no integer.
    ValueError
        If the divisor is too small.
    """

    rx: Any
    o: Any

    def __init__(self, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"rx": In(1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(
            self.rx, line, init=1, stages=_SYNCHRONISER_CYCLES
        )
        timer = Signal(range(self.divisor))  # cycles to the next sample
        bits = Signal(9)  # data bits behind a one, which is lowest when all are in
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += bits.eq(1 << 8)
                with m.If(~line):
                    m.d.sync += timer.eq((self.divisor - 3) // 2)
                    m.next = "START"
            with m.State("START"):
                with m.If(timer == 0):
                    m.d.sync += timer.eq(self.divisor - 1)
                    m.next = "IDLE"
                    with m.If(~line):
                        m.next = "DATA"
            with m.State("DATA"):
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self.divisor - 1), bits.eq(Cat(bits[1:], line))]
                    with m.If(bits[0]):
                        m.next = "IDLE"
                        with m.If(~line):
                            m.next = "BREAK"
                        with m.Elif(~self.o.valid | self.o.ready):
                            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(bits[1:])]
            with m.State("BREAK"):
                with m.If(line):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Sender of bytes on a serial line.

    Throughput is one byte in ``10 * divisor`` cycles, without a gap where bytes wait. The start bit
    begins one cycle after a byte is taken, which happens no earlier than in the last cycle of the
    stop bit before. On ECP5 it takes at most 42 LUT4, 4 CCU2C and 21 flip-flops with a divisor of
    100.

    Parameters
    ----------
    divisor : :class:`int`
        Clock cycles per bit, at least 4.

    Members
    -------
    i : ``In(stream.Signature(8))``
        Bytes.
    tx : ``Out(1)``
        The line, from a register.
    busy : ``Out(1)``
        A byte is on the line.

    Raises
    ------
    TypeError
        If the divisor is no integer.
    ValueError
        If the divisor is too small.
    """

    i: Any
    tx: Any
    busy: Any

    def __init__(self, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self.divisor))  # cycles that the present bit has left
        left = Signal(range(BITS + 1))  # bits, the present one included
        bits = Signal(9, init=0x1FF)
        m.d.comb += [
            self.tx.eq(bits[0]),
            self.busy.eq(left != 0),
            self.i.ready.eq((left == 0) | ((left == 1) & (timer == 0))),
        ]
        m.d.sync += timer.eq(Mux(timer == 0, self.divisor - 1, timer - 1))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                timer.eq(self.divisor - 1),
                left.eq(BITS),
                bits.eq(Cat(0, self.i.payload)),
            ]
        with m.Elif(self.busy & (timer == 0)):
            m.d.sync += [left.eq(left - 1), bits.eq(Cat(bits[1:], 1))]
        return m
