import random
from collections import Counter
from typing import Any

from tenzo.hw.counters import PENDING_WIDTH, Counters
from tenzo.sw.packets import COUNTER_WORDS
from tests.hw.word_streams import simulate


async def step(ctx: Any, unit: Counters, counted: Counter[str]) -> None:
    """Advance by a cycle; note what was taken."""
    if ctx.get(unit.take):
        counted[COUNTER_WORDS[ctx.get(unit.pending.counter)]] += ctx.get(unit.pending.events)
    await ctx.tick()


def test_each_counter_counts_its_own_event():
    unit = Counters()
    generator = random.Random(1)
    want, counted = Counter(dict.fromkeys(COUNTER_WORDS, 0)), Counter[str]()

    async def bench(ctx):
        for _ in range(300):
            events = {name: generator.randrange(2) for name in COUNTER_WORDS}
            want.update(events)
            ctx.set(unit.events, events)
            ctx.set(unit.take, generator.random() < 0.9)
            await step(ctx, unit, counted)
        ctx.set(unit.events, dict.fromkeys(COUNTER_WORDS, 0))
        ctx.set(unit.take, 1)
        for _ in COUNTER_WORDS:
            await step(ctx, unit, counted)

    simulate(unit, bench)
    assert counted == want


def test_no_event_is_lost_while_a_turn_is_put_off_by_eight_cycles():
    unit, counted = Counters(), Counter[str]()
    cycles = (1 << PENDING_WIDTH) - 1

    async def bench(ctx):
        ctx.set(unit.events, dict.fromkeys(COUNTER_WORDS, 1))
        for _ in range(cycles - len(COUNTER_WORDS)):
            await step(ctx, unit, counted)
        ctx.set(unit.take, 1)
        for _ in COUNTER_WORDS:
            await step(ctx, unit, counted)

    simulate(unit, bench)
    assert cycles - len(COUNTER_WORDS) == 8
    first = cycles - len(COUNTER_WORDS)
    assert list(counted.values()) == list(range(first, cycles))


def test_clear_forgets_what_waits():
    unit, counted = Counters(), Counter[str]()

    async def bench(ctx):
        ctx.set(unit.events, dict.fromkeys(COUNTER_WORDS, 1))
        await ctx.tick().repeat(9)
        ctx.set(unit.events, dict.fromkeys(COUNTER_WORDS, 0))
        ctx.set(unit.clear, 1)
        await ctx.tick()
        ctx.set(unit.clear, 0)
        ctx.set(unit.take, 1)
        for _ in COUNTER_WORDS:
            await step(ctx, unit, counted)

    simulate(unit, bench)
    assert set(counted.values()) == {0}
