"""Memory of all counts: event counters and saturations."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from tenzo.hw.counters import PendingLayout
from tenzo.hw.delay import delayed
from tenzo.hw.interface import TallyReadLayout
from tenzo.hw.memory import simple_memory
from tenzo.hw.saturations import FlushLayout
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import COUNTER_WORDS


class Tallies(wiring.Component):
    """Sticky 32-bit counts in one small memory, with one adder.

    What comes is added to its word and stays at the largest value. Counters wait their turn while a
    stage is flushed and while counts are read. After reset and after ``clear`` a loop zeroes the
    memory, one word a clock cycle.

    Throughput is one addition a clock cycle; it is in the memory three cycles later. No word comes
    twice within three cycles. A count is on ``read_data`` ``TALLY_LATENCY`` cycles after its
    address is on ``read``.

    On ECP5 the default engine's takes at most 75 LUT4, 24 CCU2C and 100 flip-flops besides a block
    memory.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    pending : ``In(PendingLayout())``
        Events to add to a counter.
    take : ``Out(1)``
        They are added.
    flush : ``In(FlushLayout())``
        Saturations to add to those of a stage slot. Never has to wait.
    read : ``In(TallyReadLayout())``
        Count to read. Only while nothing is counted.
    read_data : ``Out(32)``
        The count.
    clear : ``In(1)``
        Pulse: zero all counts.
    busy : ``Out(1)``
        The loop is zeroing.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__(
            {
                "pending": In(PendingLayout()),
                "take": Out(1),
                "flush": In(FlushLayout()),
                "read": In(TallyReadLayout()),
                "read_data": Out(32),
                "clear": In(1),
                "busy": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory, the adder and the clearing loop."""
        m = Module()
        slot_bits = max(3, ceil_log2(self.engine.stage_slots))
        depth = (1 << slot_bits) + len(COUNTER_WORDS)  # slots, then counters
        m.submodules.memory = memory = simple_memory(32, depth)
        write, read = memory.write_port(), memory.read_port()

        def place(is_counter: Value, index: Value) -> Value:
            return Mux(is_counter, index[:3] | 1 << slot_bits, index[:slot_bits])

        address = Signal(bits_for(depth - 1))
        operand = Signal(32, reset_less=True)
        total = Signal(33, reset_less=True)
        flush, pending = self.flush, self.pending
        reading = Signal(TallyReadLayout())
        m.d.sync += reading.eq(self.read)
        m.d.comb += [
            self.take.eq(~flush.valid & ~reading.valid & ~self.busy),
            address.eq(place(~flush.valid, Mux(flush.valid, flush.slot, pending.counter))),
            read.addr.eq(address),
            self.read_data.eq(read.data),
        ]
        with m.If(reading.valid):
            m.d.comb += read.addr.eq(place(reading.is_counter, reading.index))
        m.d.sync += [
            operand.eq(Mux(flush.valid, flush.count, pending.events)),
            total.eq(read.data + operand),
        ]
        cleared = self._clear(m, depth)
        adding = delayed(m, flush.valid | (self.take & (pending.events != 0)), 2)
        added = delayed(m, address, 2, reset_less=True)
        m.d.comb += [
            write.en.eq(self.busy | adding),
            write.addr.eq(Mux(self.busy, cleared, added)),
            write.data.eq((total[:32] | total[32].replicate(32)) & (~self.busy).replicate(32)),
        ]
        return m

    def _clear(self, m: Module, depth: int) -> Signal:
        """Walk over the memory; return the address to zero while ``busy``."""
        cleared = Signal(range(depth))
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), cleared.eq(0)]
        with m.Elif(self.busy):
            m.d.sync += [cleared.eq(cleared + 1), self.busy.eq(cleared != depth - 1)]
        return cleared
