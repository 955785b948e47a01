import random

import pytest

from tenzo.hw.lane import READ_TO_SUM, Lane
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tests.hw.core_bench import random_values
from tests.hw.word_streams import simulate

FORMATS = [(16, 16), (8, 8), (24, 18), (4, 4), (18, 18)]


def engine_of(activation: int, weight: int, depth: int = 32) -> EngineParameters:
    return EngineParameters(
        activation=Format(activation, 0), weight=Format(weight, 0), lane_depth=depth
    )


async def fill(ctx, lane, values):
    ctx.set(lane.write_enable, 1)
    for address, value in enumerate(values):
        ctx.set(lane.write_address, address)
        ctx.set(lane.write_data, value)
        await ctx.tick()
    ctx.set(lane.write_enable, 0)


async def sums(ctx, lane, terms):
    """Issue one term (address, weight, first, start, valid) each cycle; return all sums."""
    seen = []
    for cycle in range(len(terms) + READ_TO_SUM):
        if cycle < len(terms):
            ctx.set(lane.read_address, terms[cycle][0])
        if 0 <= cycle - 2 < len(terms):
            ctx.set(lane.weight, terms[cycle - 2][1])
        if 0 <= cycle - 3 < len(terms):
            _, _, first, start, valid = terms[cycle - 3]
            ctx.set(lane.first, first)
            ctx.set(lane.start, start)
            ctx.set(lane.accumulate, valid)
        if cycle >= READ_TO_SUM:
            seen.append(ctx.get(lane.sum))
        await ctx.tick()
    return seen


@pytest.mark.parametrize(("activation", "weight"), FORMATS)
def test_sums_equal_python_integers_every_cycle(activation, weight):
    generator = random.Random(activation)
    engine = engine_of(activation, weight)
    values = random_values(generator, 32, activation)
    lane = Lane(engine)
    terms, want, total = [], [], 0
    for index in range(300):
        first, valid = index == 0 or generator.random() < 0.2, generator.random() < 0.8
        (start,) = random_values(generator, 1, weight + engine.max_bias_shift)
        address = generator.randrange(32)
        (factor,) = random_values(generator, 1, weight)
        terms.append((address, factor, first, start, valid or index == 0))
        if terms[-1][4]:
            total = (start if first else total) + factor * values[address]
        want.append(total)

    async def bench(ctx):
        await fill(ctx, lane, values)
        assert await sums(ctx, lane, terms) == want

    simulate(lane, bench)


@pytest.mark.parametrize(("activation", "weight"), [(4, 4), (8, 8)])
@pytest.mark.parametrize("sign", [1, -1])
def test_largest_sum_fits_the_accumulator(activation, weight, sign):
    engine = engine_of(activation, weight)
    value = engine.activation.min_raw
    factor = engine.weight.min_raw if sign > 0 else engine.weight.max_raw
    start = (engine.weight.max_raw if sign > 0 else engine.weight.min_raw) << engine.max_bias_shift
    lane = Lane(engine)
    terms = [(0, factor, index == 0, start, 1) for index in range(engine.max_terms)]

    async def bench(ctx):
        await fill(ctx, lane, [value])
        seen = await sums(ctx, lane, terms)
        assert seen[-1] == start + engine.max_terms * factor * value

    simulate(lane, bench)


def test_a_read_sees_a_write_of_the_cycle_before():
    lane = Lane(engine_of(8, 8))

    async def bench(ctx):
        await fill(ctx, lane, [1, 2, 3])
        ctx.set(lane.write_enable, 1)
        ctx.set(lane.write_address, 2)
        ctx.set(lane.write_data, 77)
        await ctx.tick()
        ctx.set(lane.write_enable, 0)
        assert await sums(ctx, lane, [(2, 1, 1, 0, 1)]) == [77]

    simulate(lane, bench)


def test_latency_from_address_to_sum_is_four_cycles():
    lane = Lane(engine_of(8, 8))
    seen = []

    async def bench(ctx):
        await fill(ctx, lane, [0, 5])
        for name in ("weight", "accumulate", "first"):
            ctx.set(getattr(lane, name), 1)
        await ctx.tick().repeat(6)
        ctx.set(lane.read_address, 1)
        for _ in range(7):
            seen.append(ctx.get(lane.sum))
            await ctx.tick()

    simulate(lane, bench)
    assert seen.index(5) == READ_TO_SUM == 4
