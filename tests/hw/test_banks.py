import random

import pytest

from tenzo.hw.banks import ParameterBanks
from tenzo.sw.engine import EngineParameters
from tests.hw.word_streams import simulate

DEPTHS = (20, 17)  # weights, biases; no powers of two


def banks_of() -> ParameterBanks:
    return ParameterBanks(EngineParameters(weight_depth=DEPTHS[0], bias_depth=DEPTHS[1]))


async def write(ctx, port, bias, values):
    for address, value in enumerate(values):
        ctx.set(port, {"valid": 1, "bias": bias, "address": address, "data": value})
        await ctx.tick()
    ctx.set(port.valid, 0)


def values_of(seed):
    generator = random.Random(seed)
    return [[generator.randrange(-(1 << 15), 1 << 15) for _ in range(depth)] for depth in DEPTHS]


def test_masters_read_back_after_one_cycle():
    banks, values = banks_of(), values_of(1)

    async def bench(ctx):
        for bias in (0, 1):
            await write(ctx, banks.master_write, bias, values[bias])
        for bias in (0, 1):
            for address, value in enumerate(values[bias]):
                ctx.set(banks.master_read, {"bias": bias, "address": address})
                await ctx.tick()
                assert ctx.get(banks.master_data) == value

    simulate(banks, bench)


def test_the_engine_reads_one_pair_while_the_other_is_filled():
    banks, old, new = banks_of(), values_of(2), values_of(3)

    async def check(ctx, pair, values):
        ctx.set(banks.computing, pair)
        for address in range(max(DEPTHS)):
            ctx.set(banks.weight_address, address % DEPTHS[0])
            ctx.set(banks.bias_address, address % DEPTHS[1])
            await ctx.tick()
            assert ctx.get(banks.weight) == values[0][address % DEPTHS[0]]
            assert ctx.get(banks.bias) == values[1][address % DEPTHS[1]]

    async def bench(ctx):
        for pair, values in ((0, old), (1, new)):
            ctx.set(banks.filling, pair)
            for bias in (0, 1):
                await write(ctx, banks.working_write, bias, values[bias])
            await check(ctx, pair, values)
        await check(ctx, 0, old)

    simulate(banks, bench)


@pytest.mark.parametrize("port", ["master_write", "working_write"])
def test_a_write_past_the_end_changes_nothing(port):
    banks, values = banks_of(), values_of(4)

    async def bench(ctx):
        for bias in (0, 1):
            await write(ctx, banks.master_write, bias, values[bias])
            await write(ctx, banks.working_write, bias, values[bias])
            for address in (DEPTHS[bias], 32, 64, 0xFFE0):
                record = {"valid": 1, "bias": bias, "address": address, "data": 0}
                ctx.set(getattr(banks, port), record)
                await ctx.tick()
            ctx.set(getattr(banks, port).valid, 0)
        await ctx.tick()
        assert ctx.get(banks.master_data) == values[0][0]
        assert (ctx.get(banks.weight), ctx.get(banks.bias)) == (values[0][0], values[1][0])

    simulate(banks, bench)
