import random

import pytest

from tenzo.hw.group import Group
from tenzo.hw.lane import READ_TO_SUM
from tenzo.hw.requantize import REQUANTIZE_CYCLES
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format, requantize
from tests.hw.core_bench import random_values
from tests.hw.word_streams import simulate

CAPTURE_TO_WRITE = 1 + REQUANTIZE_CYCLES
WORDS = 16


def engine_of(sharing: int) -> EngineParameters:
    return EngineParameters(
        activation=Format(8, 4),
        weight=Format(8, 6),
        lane_count=sharing,
        requantizer_sharing=sharing,
        lane_depth=WORDS,
        result_depth=4,
    )


async def fill(ctx, group, memories):
    """Write samples into every lane."""
    ctx.set(group.sample, 1)
    for position, values in enumerate(memories):
        ctx.set(group.lane_writes, 1 << position)
        for address, value in enumerate(values):
            ctx.set(group.write_address, address)
            ctx.set(group.sample_data, value)
            await ctx.tick()
    ctx.set(group.lane_writes, 0)
    ctx.set(group.sample, 0)


async def copy_word(ctx, group, address, shift, target, *, to_results=False, active=None, start=0):
    """Multiply one word by 1, requantize and write it; return when each position saturated."""
    lanes = group.lane_count
    ctx.set(group.active, (1 << lanes) - 1 if active is None else active)
    ctx.set(group.shift, shift)
    ctx.set(group.wide, to_results)
    ctx.set(group.to_results, to_results)
    ctx.set(group.write_address, target)
    saturated = []
    for cycle in range(READ_TO_SUM + CAPTURE_TO_WRITE + lanes):
        ctx.set(group.read_address, address)
        ctx.set(group.weight, 1)
        ctx.set(group.first, 1)
        ctx.set(group.start, start)
        ctx.set(group.accumulate, cycle == READ_TO_SUM - 1)
        ctx.set(group.capture, cycle == READ_TO_SUM)
        position = cycle - READ_TO_SUM - CAPTURE_TO_WRITE
        strobe = 1 << position if position >= 0 else 0
        ctx.set(group.strobes, strobe)
        ctx.set(group.lane_writes, 0 if to_results else strobe)
        ctx.set(group.result_write_address, target + max(position, 0))
        if position >= 0:
            saturated.append(ctx.get(group.saturated))
        await ctx.tick()
    ctx.set(group.strobes, 0)
    ctx.set(group.lane_writes, 0)
    return saturated


async def read_results(ctx, group, first):
    values = []
    for address in range(first, first + group.lane_count):
        ctx.set(group.result_read_address, address)
        await ctx.tick().repeat(2)
        values.append(ctx.get(group.result_data))
    return values


@pytest.mark.parametrize("sharing", [1, 2, 3, 8])
def test_positions_write_one_cycle_after_the_other(sharing):
    generator = random.Random(sharing)
    memories = [random_values(generator, WORDS, 8) for _ in range(sharing)]
    group = Group(engine_of(sharing), sharing)

    async def bench(ctx):
        await fill(ctx, group, memories)
        for address in range(4):
            await copy_word(ctx, group, address, 0, 0, to_results=True)
            assert await read_results(ctx, group, 0) == [lane[address] for lane in memories]

    simulate(group, bench)


@pytest.mark.parametrize("lane_count", [1, 2, 3])
def test_a_group_may_have_fewer_lanes_than_share(lane_count):
    memories = [[10 + lane] for lane in range(lane_count)]
    group = Group(engine_of(3), lane_count)

    async def bench(ctx):
        await fill(ctx, group, memories)
        await copy_word(ctx, group, 0, 0, 4, to_results=True)
        assert await read_results(ctx, group, 4) == [lane[0] for lane in memories]

    simulate(group, bench)


def test_results_return_to_lane_memory_rounded():
    memories = [[101, 0], [-103, 0]]
    group = Group(engine_of(2), 2)

    async def bench(ctx):
        await fill(ctx, group, memories)
        await copy_word(ctx, group, 0, 1, 1)
        await copy_word(ctx, group, 1, 0, 0, to_results=True)
        assert await read_results(ctx, group, 0) == [requantize(v[0], 1, 8)[0] for v in memories]

    simulate(group, bench)


@pytest.mark.parametrize("active", range(4))
def test_saturations_count_on_active_lanes_only(active):
    group = Group(engine_of(2), 2)

    async def bench(ctx):
        await fill(ctx, group, [[127], [127]])
        for start in (0, 1):  # 127 + 1 leaves 8 bits
            seen = await copy_word(ctx, group, 0, 0, 1, active=active, start=start)
            assert seen == [start & active & 1, start & active >> 1]

    simulate(group, bench)


def test_lane_writes_leave_the_result_memory_alone():
    group = Group(engine_of(2), 2)

    async def bench(ctx):
        await fill(ctx, group, [[11, 22], [33, 44]])
        await copy_word(ctx, group, 0, 0, 0, to_results=True)
        await copy_word(ctx, group, 1, 0, 0)
        assert await read_results(ctx, group, 0) == [11, 33]

    simulate(group, bench)
