import random
from itertools import islice

import pytest

from tenzo.hw.lfsr import Lfsr
from tenzo.sw.lfsr import LfsrParameters
from tests.hw.word_streams import simulate

WIDTH_16 = LfsrParameters(16, 0xB400)


def drawn_bits(parameters: LfsrParameters, seed: int, count: int) -> list[int]:
    """Bits of a seed, one each cycle."""
    lfsr = Lfsr(parameters)
    bits = []

    async def bench(ctx):
        ctx.set(lfsr.seed, seed)
        ctx.set(lfsr.load, 1)
        await ctx.tick()
        ctx.set(lfsr.load, 0)
        ctx.set(lfsr.advance, 1)
        async for _, _, bit in ctx.tick().sample(lfsr.bit):
            bits.append(bit)
            if len(bits) == count:
                break

    simulate(lfsr, bench, limit_cycles=count + 10)
    return bits


@pytest.mark.slow
def test_all_states_of_a_16_bit_register_equal_the_model():
    count = (1 << 16) - 1
    bits = drawn_bits(WIDTH_16, 1, count + 16)
    assert bits == list(islice(WIDTH_16.bits(1), count + 16))
    assert bits[:16] == bits[count:]


@pytest.mark.parametrize("seed", [1, 0x80000000, 0xFFFFFFFF, 0x12345678])
def test_default_stream_equals_the_model(seed):
    parameters = LfsrParameters()
    assert drawn_bits(parameters, seed, 3000) == list(islice(parameters.bits(seed), 3000))


@pytest.mark.parametrize(("width", "taps"), [(2, 0b11), (3, 0b110), (7, 0x60), (31, 0x48000000)])
def test_other_widths_equal_the_model(width, taps):
    parameters = LfsrParameters(width, taps)
    top = (1 << width) - 1
    assert drawn_bits(parameters, top, 200) == list(islice(parameters.bits(top), 200))


def test_register_stands_still_without_advance():
    lfsr = Lfsr(WIDTH_16)
    generator = random.Random(1)
    want = WIDTH_16.bits(0xACE1)

    async def bench(ctx):
        ctx.set(lfsr.seed, 0xACE1)
        ctx.set(lfsr.load, 1)
        await ctx.tick()
        ctx.set(lfsr.load, 0)
        for bit in islice(want, 200):
            for _ in range(generator.randrange(3)):
                assert ctx.get(lfsr.bit) == bit
                await ctx.tick()
            assert ctx.get(lfsr.bit) == bit
            ctx.set(lfsr.advance, 1)
            await ctx.tick()
            ctx.set(lfsr.advance, 0)

    simulate(lfsr, bench)


def test_load_wins_over_advance():
    lfsr = Lfsr(WIDTH_16)

    async def bench(ctx):
        ctx.set(lfsr.advance, 1)
        ctx.set(lfsr.load, 1)
        for seed in (1, 2, 5, 4):
            ctx.set(lfsr.seed, seed)
            await ctx.tick()
            assert ctx.get(lfsr.bit) == seed & 1

    simulate(lfsr, bench)
