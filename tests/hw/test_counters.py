import random

from tenzo.hw.counters import Counters
from tenzo.sw.packets import COUNTER_WORDS
from tests.hw.word_streams import simulate


def test_each_counter_counts_its_own_event():
    counters = Counters()
    generator = random.Random(1)
    want = dict.fromkeys(COUNTER_WORDS, 0)

    async def bench(ctx):
        for _ in range(200):
            events = {name: generator.randrange(2) for name in COUNTER_WORDS}
            ctx.set(counters.events, events)
            for name, event in events.items():
                want[name] += event
            await ctx.tick()
        ctx.set(counters.events, dict.fromkeys(COUNTER_WORDS, 0))
        await ctx.tick()
        assert {name: ctx.get(counters.o[name]) for name in COUNTER_WORDS} == want

    simulate(counters, bench)


def test_latency_is_two_cycles():
    counters = Counters()
    seen = []

    async def bench(ctx):
        for cycle in range(4):
            ctx.set(counters.events.queries, cycle == 0)
            seen.append(ctx.get(counters.o.queries))
            await ctx.tick()

    simulate(counters, bench)
    assert seen == [0, 0, 1, 1]


def test_clear_zeroes_all():
    counters = Counters()

    async def bench(ctx):
        ctx.set(counters.events, dict.fromkeys(COUNTER_WORDS, 1))
        await ctx.tick().repeat(9)
        ctx.set(counters.events, dict.fromkeys(COUNTER_WORDS, 0))
        ctx.set(counters.clear, 1)
        await ctx.tick()
        ctx.set(counters.clear, 0)
        await ctx.tick()
        assert not any(ctx.get(counters.o[name]) for name in COUNTER_WORDS)

    simulate(counters, bench)


def test_a_counter_stays_at_the_maximum():
    counters = Counters()
    seen = []

    async def bench(ctx):
        ctx.set(counters.o.queries, 0xFFFFFFFE)
        ctx.set(counters.events.queries, 1)
        for _ in range(5):
            await ctx.tick()
            seen.append(ctx.get(counters.o.queries))

    simulate(counters, bench)
    assert seen == [0xFFFFFFFE] + [0xFFFFFFFF] * 4
