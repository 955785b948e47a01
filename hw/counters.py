"""Event counters."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tenzo.sw.packets import COUNTER_WORDS

PENDING_WIDTH = 4
"""Bits for the events of a counter between two of its turns, at most 15."""


class EventsLayout(data.StructLayout):
    """One bit for each counter: it counts this cycle."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COUNTER_WORDS, 1))


class PendingLayout(data.StructLayout):
    """A counter, and the events that it has not counted yet."""

    def __init__(self) -> None:
        super().__init__({"counter": 3, "events": PENDING_WIDTH})


class Counters(wiring.Component):
    """Events that wait for the turn of their counter.

    Counts the cycles in which each event is high, a few bits for each. Counter after counter, one a
    clock cycle, hands its events to :class:`tenzo.hw.tallies.Tallies`, which has the whole count.
    A turn may be put off by 8 cycles between two of the same counter.

    On ECP5 it takes at most 110 LUT4, 0 CCU2C and 31 flip-flops.

    Members
    -------
    events : ``In(EventsLayout())``
        What happens in this cycle.
    clear : ``In(1)``
        Pulse: forget the events that wait.
    pending : ``Out(PendingLayout())``
        The counter whose turn it is.
    take : ``In(1)``
        Its events are taken: the next cycle is the next one's.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "events": In(EventsLayout()),
                "clear": In(1),
                "pending": Out(PendingLayout()),
                "take": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build a small counter for each event, and the turns."""
        m = Module()
        turn = Signal(range(len(COUNTER_WORDS)))
        waiting = [Signal(PENDING_WIDTH, name=f"waiting_{name}") for name in COUNTER_WORDS]
        m.d.comb += [
            self.pending.counter.eq(turn),
            self.pending.events.eq(Array(waiting)[turn]),
        ]
        with m.If(self.take):
            m.d.sync += turn.eq(Mux(turn == len(waiting) - 1, 0, turn + 1))
        for index, (name, count) in enumerate(zip(COUNTER_WORDS, waiting, strict=True)):
            kept = Mux(self.take & (turn == index), 0, count)
            m.d.sync += count.eq(Mux(self.clear, 0, kept + self.events[name]))
        return m
