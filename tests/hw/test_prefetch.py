import random
from typing import Any

import pytest

from tenzo.hw.descriptor import address_widths
from tenzo.hw.prefetch import FETCH_CYCLES, Prefetch
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.reference import decode
from tenzo.sw.program import CONTROL_FIELDS, DESCRIPTOR_WORDS, HALFWORDS
from tests.hw.word_streams import simulate

SLOTS = 4


def prefetch_of() -> Prefetch:
    return Prefetch(EngineParameters(stage_slots=SLOTS, lane_depth=300, weight_depth=70))


async def load(ctx, prefetch, words):
    for address, word in enumerate(words):
        ctx.set(prefetch.program_write, {"valid": 1, "address": address, "data": word})
        await ctx.tick()
    ctx.set(prefetch.program_write.valid, 0)


def random_words():
    generator = random.Random(1)
    return [generator.randrange(1 << 32) for _ in range(SLOTS * DESCRIPTOR_WORDS)]


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def wait(ctx, prefetch):
    cycles = 1
    while not ctx.get(prefetch.ready):
        await ctx.tick()
        cycles += 1
    return cycles


def expected(prefetch, words, slot, sample_base):
    """Fields of a slot, cut to the widths of the engine."""
    descriptor = decode(words[slot * DESCRIPTOR_WORDS : (slot + 1) * DESCRIPTOR_WORDS])
    widths = address_widths(prefetch.engine)
    fields: dict[str, Any] = {name: descriptor.control[name] for name in CONTROL_FIELDS}
    for name in HALFWORDS:
        if name == "control":
            continue
        mask = (1 << widths.get(name.split("_")[0], 16)) - 1
        values = [value & mask for value in descriptor.halfwords[name]]
        if name == "input_base" and descriptor.control["sample_input"]:
            values[0] = values[0] + sample_base & mask
        fields[name] = values if len(values) > 1 else values[0]
    return fields


def fields_of(ctx, prefetch):
    fields = {}
    for name, _ in prefetch.descriptor.shape():
        field = prefetch.descriptor[name]
        is_array = HALFWORDS.get(name, (0, 1))[1] > 1
        fields[name] = [ctx.get(item) for item in field] if is_array else ctx.get(field)
    return fields


@pytest.mark.parametrize("sample_base", [0, 12345])
def test_all_fields_of_all_slots(sample_base):
    prefetch, words = prefetch_of(), random_words()

    async def bench(ctx):
        await load(ctx, prefetch, words)
        ctx.set(prefetch.sample_base, sample_base)
        for entry in range(SLOTS):
            ctx.set(prefetch.entry, entry)
            await pulse(ctx, prefetch.start)
            for slot in range(entry, SLOTS):
                if slot > entry:
                    await pulse(ctx, prefetch.advance)
                assert await wait(ctx, prefetch) == FETCH_CYCLES
                assert fields_of(ctx, prefetch) == expected(prefetch, words, slot, sample_base)

    simulate(prefetch, bench)


def test_a_word_past_the_end_changes_nothing():
    prefetch, words = prefetch_of(), random_words()

    async def bench(ctx):
        await load(ctx, prefetch, words)
        for address in (SLOTS * DESCRIPTOR_WORDS, 128, 0xFFFF):
            ctx.set(prefetch.program_write, {"valid": 1, "address": address, "data": 0})
            await ctx.tick()
        ctx.set(prefetch.program_write.valid, 0)
        await pulse(ctx, prefetch.start)
        await wait(ctx, prefetch)
        assert fields_of(ctx, prefetch) == expected(prefetch, words, 0, 0)

    simulate(prefetch, bench)
