from amaranth.hdl import Module, Signal

from tenzo.hw.compare import exceeds
from tests.hw.word_streams import simulate

WIDTH = 4


def test_every_value_is_compared_with_every_limit():
    limits = range(-1, (1 << WIDTH) + 2)
    design, value, flags = Module(), Signal(WIDTH), [Signal(name=f"flag_{k}") for k in limits]
    for limit, flag in zip(limits, flags, strict=True):
        design.d.comb += flag.eq(exceeds(value, limit))
    design.d.sync += Signal().eq(0)

    async def bench(ctx):
        for number in range(1 << WIDTH):
            ctx.set(value, number)
            assert [ctx.get(flag) for flag in flags] == [number > limit for limit in limits]
            await ctx.tick()

    simulate(design, bench)
