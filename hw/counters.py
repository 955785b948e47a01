"""Event counters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.interface import CountersLayout
from tenzo.sw.packets import COUNTER_WORDS


class EventsLayout(data.StructLayout):
    """One bit for each counter: it counts this cycle."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COUNTER_WORDS, 1))


class Counters(wiring.Component):
    """Sticky 32-bit counters.

    Each counts the cycles in which its event is high and stays at the maximum. Latency is two
    cycles from an event to its count.

    On ECP5 the default engine's takes at most 110 LUT4, 120 CCU2C and 240 flip-flops.

    Members
    -------
    events : ``In(EventsLayout())``
        What happens in this cycle.
    clear : ``In(1)``
        Pulse: zero all counters. An event of the cycle before is forgotten too.
    o : ``Out(CountersLayout())``
        The counts.
    """

    def __init__(self) -> None:
        super().__init__({"events": In(EventsLayout()), "clear": In(1), "o": Out(CountersLayout())})

    def elaborate(self, platform: object) -> Module:
        """Build the counters."""
        m = Module()
        seen = Signal(EventsLayout())
        m.d.sync += seen.eq(self.events)
        for name in COUNTER_WORDS:
            count = self.o[name]
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(seen[name] & ~count.all()):
                m.d.sync += count.eq(count + 1)
        return m
