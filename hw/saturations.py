"""Saturation counters, one for each stage slot."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.delay import delayed
from tenzo.hw.memory import simple_memory
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import ISSUE_TO_WRITE

COUNT_CYCLES = 3
"""Cycles from a write to its count at the accumulator: cluster sum, sums of clusters, total."""

SUMMED_CLUSTERS = 4
"""Clusters whose counts are added in one clock cycle."""

FLUSH_CYCLES = 13
"""Cycles after the last write of a program until all its counts are in the memory, at most."""

_MAXIMUM = 0xFFFFFFFF


class Saturations(wiring.Component):
    """Sticky 32-bit counts of saturated values, one for each stage slot.

    Counts add up in a register while a stage runs. The register is added to the slot's word in a
    small memory when the next stage's first value arrives, and after the program's end. After reset
    and after ``clear`` a loop zeroes the memory, one word a clock cycle.

    Throughput is ``cluster_count`` counts a clock cycle. The memory is up to date less than
    ``FLUSH_CYCLES`` after a program's last write; a count is on ``read_data``
    ``SATURATION_LATENCY`` cycles after its slot is on ``read``. There is no back-pressure.

    On ECP5 the default engine's takes at most 170 LUT4, 48 CCU2C and 250 flip-flops besides 16
    cells of distributed memory.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    cluster_count, most : :class:`int`
        Clusters, and the most saturations of one in a cycle.

    Members
    -------
    counts : ``In(ArrayLayout(range(most + 1), cluster_count))``
        Saturations of each cluster, one cycle after the write.
    stage_start, program_start, program_end : ``In(1)``
        As in :class:`tenzo.hw.sequencer.TermLayout`.
    entry : ``In(8)``
        Slot of the program's first stage, valid with ``program_start``.
    read : ``In(8)``
        Slot to read.
    read_data : ``Out(32)``
        Its count.
    clear : ``In(1)``
        Pulse: zero all counts.
    busy : ``Out(1)``
        The loop is zeroing.

    Where table units serve several groups, the counts of a stage may end after the next one has
    started; then the first value of a stage is told by its last term:

    output_end : ``In(1)``
        The last term of an output is issued.
    """

    def __init__(self, engine: EngineParameters, cluster_count: int, most: int) -> None:
        self.engine = engine
        super().__init__(
            {
                "counts": In(data.ArrayLayout(range(most + 1), cluster_count)),
                "stage_start": In(1),
                "program_start": In(1),
                "program_end": In(1),
                "entry": In(8),
                "read": In(8),
                "read_data": Out(32),
                "clear": In(1),
                "busy": Out(1, init=1),
                **({"output_end": In(1)} if engine.table_rounds > 1 else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the accumulator, the memory and the clearing loop."""
        m = Module()
        slots = self.engine.stage_slots
        m.submodules.memory = memory = simple_memory(32, slots)
        write, read = memory.write_port(), memory.read_port()
        flush, slot, count = self._accumulate(m)

        adding = delayed(m, flush, 1)
        added_slot = delayed(m, slot, 1, reset_less=True)
        total = Signal(32, reset_less=True)
        m.d.sync += [
            total.eq(sticky_sum(read.data, delayed(m, count, 1, reset_less=True))),
            self.read_data.eq(read.data),
        ]
        cleared = Signal(range(slots))
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), cleared.eq(0)]
        with m.Elif(self.busy):
            m.d.sync += [cleared.eq(cleared + 1), self.busy.eq(cleared != slots - 1)]
        m.d.comb += [
            read.addr.eq(Mux(flush, slot, self.read)),
            write.en.eq(self.busy | delayed(m, adding, 1)),
            write.addr.eq(Mux(self.busy, cleared, delayed(m, added_slot, 1, reset_less=True))),
            write.data.eq(Mux(self.busy, 0, total)),
        ]
        return m

    def _accumulate(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """Sum up one stage; return flush pulse, its slot and its count."""
        sharing, rounds = self.engine.requantizer_sharing, self.engine.table_rounds
        tail = ISSUE_TO_WRITE + COUNT_CYCLES
        if rounds == 1:
            stage_start = delayed(m, self.stage_start, tail + sharing - 1)
            program_start = delayed(m, self.program_start, tail + sharing - 1)
        else:
            stage_start = delayed(m, self._first_output(m, self.stage_start), tail)
            program_start = delayed(m, self._first_output(m, self.program_start), tail)
        program_end = delayed(m, self.program_end, tail + (sharing - 1) * rounds + 5)
        entry = Signal(8, reset_less=True)
        slot = Signal(8)
        count = Signal(32)
        arrived = Signal(range(self.engine.lane_count + 1))
        flush = Signal()
        m.d.sync += arrived.eq(sum(self._partial_sums(m)))
        m.d.comb += flush.eq(stage_start | program_end)
        with m.If(self.program_start):
            m.d.sync += entry.eq(self.entry)
        with m.If(stage_start):
            m.d.sync += slot.eq(Mux(program_start, entry, slot + 1))
        m.d.sync += count.eq(Mux(flush, arrived, sticky_sum(count, arrived)))
        return flush, slot, count

    def _partial_sums(self, m: Module) -> list[Signal]:
        """Add up few clusters each."""
        counts = list(self.counts)
        sums = []
        for first in range(0, len(counts), SUMMED_CLUSTERS):
            members = counts[first : first + SUMMED_CLUSTERS]
            partial = Signal(range(len(members) * ((1 << len(members[0])) - 1) + 1))
            m.d.sync += partial.eq(sum(members))
            sums.append(partial)
        return sums

    def _first_output(self, m: Module, start: Signal) -> Value:
        """Whether the first output since a pulse ends."""
        waiting = Signal()
        with m.If(start | self.output_end):
            m.d.sync += waiting.eq(~self.output_end)
        return (start | waiting) & self.output_end


def sticky_sum(left: Value, right: Value) -> Value:
    """Add, and stay at the largest 32-bit value."""
    total = left + right
    return Mux(total[32], _MAXIMUM, total)
