import random

import pytest

from tenzo.hw.descriptor import address_widths
from tenzo.hw.steps import StepMemory, reciprocal
from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import COUNTERS, DESCRIPTOR_WORDS, HALFWORDS
from tests.hw.word_streams import simulate


@pytest.mark.parametrize("slots", [1, 3, 12, 255])
def test_every_step_is_read_as_the_host_wrote_it(slots):
    engine = EngineParameters(stage_slots=slots)
    unit = StepMemory(engine)
    generator = random.Random(slots)
    words = [generator.getrandbits(32) for _ in range(slots * DESCRIPTOR_WORDS)]
    shown = sorted({0, slots - 1, *generator.choices(range(slots), k=4)})
    order = [slot * DESCRIPTOR_WORDS + word for slot in shown for word in range(DESCRIPTOR_WORDS)]
    generator.shuffle(order)

    async def bench(ctx):
        past = (len(words), len(words) + 7, 0xFFFF)
        for address in [*order, *past]:
            data = words[address] if address < len(words) else 0
            write = {"valid": 1, "address": address, "data": data}
            ctx.set(unit.program_write, write)
            await ctx.tick()
            ctx.set(unit.program_write.valid, 0)
            await ctx.tick()
        for slot in shown:
            for counter in range(len(COUNTERS)):
                ctx.set(unit.slot, slot)
                ctx.set(unit.advance, 1 << counter)
                await ctx.tick()
                for name, width in address_widths(engine).items():
                    first, count = HALFWORDS[f"{name}_step"]
                    if counter < count:
                        word, high = divmod(first + counter, 2)
                        value = words[slot * DESCRIPTOR_WORDS + word] >> 16 * high
                        want = value & ((1 << width) - 1)
                        assert ctx.get(getattr(unit, name)) == want, (slot, counter, name)

    simulate(unit, bench)


def test_reciprocal_divides():
    for divisor in range(1, 20):
        factor, shift = reciprocal(divisor, 2300)
        assert all(n * factor >> shift == n // divisor for n in range(2300))
