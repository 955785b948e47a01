import random

import pytest
from amaranth.hdl import Module, Signal

from tenzo.hw.saturations import FLUSH_CYCLES, Saturations, sticky_sum
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import ISSUE_TO_WRITE, PREFETCH_CYCLES, drain_cycles
from tests.hw.word_streams import simulate

SLOTS = 5
CLUSTERS, MOST = 3, 4


def unit_of(sharing: int) -> Saturations:
    engine = EngineParameters(lane_count=64, requantizer_sharing=sharing, stage_slots=SLOTS)
    return Saturations(engine, CLUSTERS, MOST)


async def run(ctx, unit, generator, entry, lengths):
    """One program: stages of given lengths; return the counts of each, as they ought to be."""
    sharing = unit.engine.requantizer_sharing
    starts = [0]
    for length in lengths[:-1]:
        starts.append(starts[-1] + max(length, PREFETCH_CYCLES))
    last_slot = starts[-1] + lengths[-1] - 1
    counts = {}  # cycle of the cluster's sum -> stage
    for stage, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        for output in range(start + sharing - 1, start + length, sharing):
            for position in range(sharing):
                counts[output + ISSUE_TO_WRITE + position + 1] = stage
    want = [0] * len(lengths)
    for cycle in range(last_slot + drain_cycles(unit.engine) + 1 + FLUSH_CYCLES):
        values = [generator.randint(0, MOST) if cycle in counts else 0 for _ in range(CLUSTERS)]
        if cycle in counts:
            want[counts[cycle]] += sum(values)
        ctx.set(unit.counts, values)
        ctx.set(unit.stage_start, cycle in starts)
        ctx.set(unit.program_start, cycle == 0)
        ctx.set(unit.entry, entry if cycle == 0 else 99)
        ctx.set(unit.program_end, cycle == last_slot)
        await ctx.tick()
    return want


def watch(unit, totals):
    """Return a process that adds up what is flushed."""

    async def process(ctx):
        async for _, _, flush in ctx.tick().sample(unit.flush):
            if flush.valid and flush.count:
                totals[flush.slot] += flush.count

    return process


@pytest.mark.parametrize("sharing", [1, 2, 3, 16])
def test_every_count_lands_in_its_own_slot(sharing):
    unit = unit_of(sharing)
    generator = random.Random(sharing)

    flushed = [0] * SLOTS

    async def bench(ctx):
        totals = [0] * SLOTS
        for entry, stages in ((0, 5), (3, 2), (1, 1), (4, 1), (0, 3)):
            lengths = [sharing * generator.choice([1, 2, 30]) for _ in range(stages)]
            for stage, count in enumerate(await run(ctx, unit, generator, entry, lengths)):
                totals[entry + stage] += count
        assert flushed == totals

    simulate(unit, bench, processes=[watch(unit, flushed)])


def test_sums_stay_at_the_maximum():
    left, right = Signal(32), Signal(32)
    top = 0xFFFFFFFF
    design = Module()
    total = Signal(32)
    design.d.comb += total.eq(sticky_sum(left, right))

    async def bench(ctx):
        for a, b in ((top, 1), (top, top), (top - 1, 1), (top - 1, 2), (5, 7), (1 << 31, 1 << 31)):
            ctx.set(left, a)
            ctx.set(right, b)
            assert ctx.get(total) == min(top, a + b)
            await ctx.tick()

    design.d.sync += Signal().eq(0)
    simulate(design, bench)
