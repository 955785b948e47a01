"""Count of saturated values, stage by stage."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from tenzo.hw.delay import delayed
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import ISSUE_TO_WRITE

COUNT_CYCLES = 3
"""Cycles from a write to its count at the accumulator: cluster sum, sums of clusters, total."""

SUMMED_CLUSTERS = 4
"""Clusters whose counts are added in one clock cycle."""

FLUSH_CYCLES = 13
"""Cycles after the last write of a program until all its counts are in the memory, at most."""

_MAXIMUM = 0xFFFFFFFF


class FlushLayout(data.StructLayout):
    """Saturations to add to those of a stage slot, if ``valid``."""

    def __init__(self) -> None:
        super().__init__({"valid": 1, "slot": 8, "count": 32})


class Saturations(wiring.Component):
    """Saturated values of the stage that runs.

    Counts add up in a register while a stage runs. It is flushed when the next stage's first value
    arrives, and after the program's end: :class:`tenzo.hw.tallies.Tallies` adds it to the counts of
    the stage's slot.

    Throughput is ``cluster_count`` counts a clock cycle. All counts are in the memory less than
    ``FLUSH_CYCLES`` after a program's last write. There is no back-pressure.

    On ECP5 the default engine's takes at most 60 LUT4, 24 CCU2C and 95 flip-flops.

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
    flush : ``Out(FlushLayout())``
        The stage's count, sticky at the largest value.

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
                "flush": Out(FlushLayout()),
                **({"output_end": In(1)} if engine.table_rounds > 1 else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Sum up one stage, and hand the sum over when the next one begins."""
        m = Module()
        sharing, rounds = self.engine.requantizer_sharing, self.engine.table_rounds
        tail = ISSUE_TO_WRITE + COUNT_CYCLES
        if rounds == 1:
            stage_start = delayed(m, self.stage_start, tail + sharing - 1)
        else:
            stage_start = delayed(m, self._first_output(m, self.stage_start), tail)
        program_end = delayed(m, self.program_end, tail + (sharing - 1) * rounds + 5)
        width = bits_for(self.engine.stage_slots)
        entry, slot = Signal(width, reset_less=True), Signal(width)
        between = Signal(init=1)  # programs: the next stage to start is the first of one
        count = Signal(32)
        arrived = Signal(range(self.engine.lane_count + 1))
        flush = Signal()
        m.d.sync += arrived.eq(sum(self._partial_sums(m)))
        m.d.comb += flush.eq(stage_start | program_end)
        with m.If(self.program_start):
            m.d.sync += entry.eq(self.entry)
        with m.If(stage_start):
            m.d.sync += [slot.eq(Mux(between, entry, slot + 1)), between.eq(0)]
        with m.Elif(program_end):
            m.d.sync += between.eq(1)
        m.d.sync += count.eq(Mux(flush, arrived, sticky_sum(count, arrived)))
        m.d.comb += [
            self.flush.valid.eq(flush),
            self.flush.slot.eq(slot),
            self.flush.count.eq(count),
        ]
        return m

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
