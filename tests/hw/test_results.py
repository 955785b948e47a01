import pytest

from tenzo.hw.interface import RESULT_LATENCY
from tests.hw.test_core import Network, engine_of
from tests.hw.word_streams import simulate


@pytest.mark.parametrize(("lanes", "sharing"), [(9, 2), (10, 3), (2, 1)])
def test_latency_is_pinned_for_every_lane(lanes, sharing):
    network = Network(engine_of(lanes, sharing))
    core = network.bench.core

    async def bench(ctx):
        await network.load(ctx)
        asked = network.query(sign=0)
        want = network.bench.expect(**asked)
        await network.bench.ask(ctx, **asked)
        while not ctx.get(core.result_ready):
            await ctx.tick()
        for lane in range(lanes):
            other = (lane + 1) % lanes
            ctx.set(core.result_read, {"lane": other, "output": 1})
            await ctx.tick().repeat(RESULT_LATENCY + 1)
            ctx.set(core.result_read, {"lane": lane, "output": 2})
            for _ in range(RESULT_LATENCY):
                assert ctx.get(core.result_data) == want[other][1]
                await ctx.tick()
            assert ctx.get(core.result_data) == want[lane][2]

    simulate(core, bench)
