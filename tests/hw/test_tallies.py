import random
from collections import Counter
from typing import Any

import pytest

from tenzo.hw.interface import TALLY_LATENCY
from tenzo.hw.tallies import Tallies
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import COUNTER_WORDS
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate

TOP = 0xFFFFFFFF
Key = tuple[int, int]


def unit_of(slots: int) -> Tallies:
    return Tallies(EngineParameters(stage_slots=slots))


async def cleared(ctx: Any, unit: Tallies) -> int:
    cycles = 0
    while ctx.get(unit.busy):
        await ctx.tick()
        cycles += 1
    return cycles


async def add(ctx: Any, unit: Tallies, flush: Any, events: int, turn: int) -> bool:
    """Offer both for one cycle; return whether the counter's events were taken."""
    slot, count = flush or (0, 0)
    ctx.set(unit.flush, {"valid": bool(flush), "slot": slot, "count": count})
    ctx.set(unit.pending, {"counter": turn, "events": events})
    taken = bool(ctx.get(unit.take))
    await ctx.tick()
    ctx.set(unit.flush.valid, 0)
    ctx.set(unit.pending.events, 0)
    return taken


async def read(ctx: Any, unit: Tallies, slots: int) -> dict[Key, int]:
    await ctx.tick().repeat(3)
    values = {}
    for key in [(1, k) for k in range(len(COUNTER_WORDS))] + [(0, k) for k in range(slots)]:
        ctx.set(unit.read, {"valid": 1, "is_counter": key[0], "index": key[1]})
        await ctx.tick().repeat(TALLY_LATENCY)
        values[key] = ctx.get(unit.read_data)
    ctx.set(unit.read.valid, 0)
    return values


@pytest.mark.parametrize("slots", [1, 5, 8, 32, 255])
def test_everything_is_added_to_its_own_word(slots: int) -> None:
    unit = unit_of(slots)
    generator = random.Random(slots)
    want: Counter[Key] = Counter()

    async def bench(ctx: Any) -> None:
        await cleared(ctx, unit)
        turn = 0
        for cycle in range(200):
            drawn = (generator.randrange(slots), generator.getrandbits(20))
            flush = drawn if cycle % 4 == 0 else None
            events = generator.randrange(16)
            if await add(ctx, unit, flush, events, turn):
                want[1, turn] += events
                turn = (turn + 1) % len(COUNTER_WORDS)
            if flush:
                want[0, flush[0]] += flush[1]
        values = await read(ctx, unit, slots)
        assert values == {key: want[key] for key in values}

    simulate(unit, bench)


def test_counts_stay_at_the_maximum() -> None:
    unit = unit_of(4)
    cases = [(TOP, 1), (TOP, TOP), (TOP - 1, 1), (TOP - 1, 2), (5, 7), (1 << 31, 1 << 31)]

    async def bench(ctx: Any) -> None:
        for pair in cases:
            await cleared(ctx, unit)
            for count in pair:
                await add(ctx, unit, (2, count), 0, 0)
                await ctx.tick().repeat(3)
            assert (await read(ctx, unit, 4))[0, 2] == min(TOP, sum(pair))
            ctx.set(unit.clear, 1)
            await ctx.tick()
            ctx.set(unit.clear, 0)

    simulate(unit, bench)


def test_counters_wait_while_a_stage_is_flushed_and_while_counts_are_read() -> None:
    unit = unit_of(4)

    async def bench(ctx: Any) -> None:
        assert not await add(ctx, unit, None, 1, 0)  # still clearing
        await cleared(ctx, unit)
        assert await add(ctx, unit, None, 1, 0)
        assert not await add(ctx, unit, (0, 0), 1, 1)
        ctx.set(unit.read, {"valid": 1, "is_counter": 1, "index": 2})
        await ctx.tick()
        assert not await add(ctx, unit, None, 1, 1)

    simulate(unit, bench)


def test_memory_is_zeroed_after_reset_and_after_clear() -> None:
    unit = unit_of(5)
    design, reset = with_reset(unit)

    async def bench(ctx: Any) -> None:
        for pull in (reset, unit.clear, reset):
            await cleared(ctx, unit)
            await add(ctx, unit, (3, 77), 0, 0)
            await add(ctx, unit, None, 9, 4)
            values = await read(ctx, unit, 5)
            assert (values[0, 3], values[1, 4]) == (77, 9)
            await add(ctx, unit, (3, 77), 0, 0)  # on its way when all is cleared
            ctx.set(pull, 1)
            await ctx.tick()
            ctx.set(pull, 0)
            assert await cleared(ctx, unit) == 8 + len(COUNTER_WORDS)
            assert not any((await read(ctx, unit, 5)).values())

    simulate(design, bench)
