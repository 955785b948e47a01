import random

import pytest

from tenzo.hw.requantize import REQUANTIZE_CYCLES, Requantize
from tenzo.sw.formats import RESULT_WIDTH, requantize
from tenzo.sw.program import Activation
from tests.hw.word_streams import simulate

Stimulus = tuple[int, int, bool, Activation]


def outputs(unit: Requantize, stimuli: list[Stimulus]) -> list[tuple[int, int]]:
    """Feed one value each cycle; return what comes out ``REQUANTIZE_CYCLES`` later."""
    seen = []

    async def bench(ctx):
        for cycle in range(len(stimuli) + REQUANTIZE_CYCLES):
            if cycle < len(stimuli):
                value, shift, wide, activation = stimuli[cycle]
                ctx.set(unit.i, value)
                ctx.set(unit.shift, shift)
                ctx.set(unit.wide, wide)
                ctx.set(unit.activation, activation)
            if cycle >= REQUANTIZE_CYCLES:
                seen.append((ctx.get(unit.o), ctx.get(unit.saturated)))
            await ctx.tick()

    simulate(unit, bench, limit_cycles=len(stimuli) + 10)
    return seen


def expected(stimulus: Stimulus, width: int) -> tuple[int, int]:
    value, shift, wide, activation = stimulus
    result, saturated = requantize(value, shift, RESULT_WIDTH if wide else width)
    return (max(result, 0) if activation == Activation.RELU else result), int(saturated)


def check(unit: Requantize, stimuli: list[Stimulus]) -> None:
    for stimulus, got in zip(stimuli, outputs(unit, stimuli), strict=True):
        assert got == expected(stimulus, unit.width), stimulus


FORMATS = [(43, 16), (24, 8), (12, 4), (34, 24), (50, 18), (60, 24)]


@pytest.mark.parametrize(("accumulator_width", "width"), FORMATS)
def test_every_shift_of_extremes_equals_the_model(accumulator_width, width):
    top = (1 << (accumulator_width - 2)) - 1  # one bit is kept for rounding
    stimuli = []
    for shift in range(64):
        half, limit = (1 << shift) >> 1, 1 << (width - 1)
        edges = [(limit << shift) - half, (-limit << shift) - half]
        values = {0, 1, -1, half, half - 1, -half, -half - 1, top, -top - 1}
        values |= {edge + step for edge in edges for step in (-1, 0)}
        values = {value for value in values if -top - 1 <= value <= top}
        stimuli += [(v, shift, w, a) for v in values for w in (False, True) for a in Activation]
    check(Requantize(accumulator_width, width), stimuli)


@pytest.mark.parametrize(("accumulator_width", "width"), [(43, 16), (9, 5)])
def test_random_values_equal_the_model(accumulator_width, width):
    generator = random.Random(7)
    stimuli = []
    for _ in range(2000):
        size = generator.randrange(accumulator_width - 1)
        value = generator.randrange(-(1 << size), 1 << size)
        shift, wide = generator.randrange(accumulator_width), generator.random() < 0.5
        stimuli.append((value, shift, wide, generator.choice(list(Activation))))
    check(Requantize(accumulator_width, width), stimuli)


def test_every_value_of_a_small_accumulator_equals_the_model():
    values = range(-128, 128)
    stimuli = [(v, shift, False, Activation.NONE) for v in values for shift in range(8)]
    check(Requantize(9, 4), stimuli)


def test_latency_is_five_cycles():
    unit = Requantize(20, 8)
    seen = []

    async def bench(ctx):
        ctx.set(unit.i, 100)
        await ctx.tick()
        ctx.set(unit.i, 0)
        async for _, _, o in ctx.tick().sample(unit.o):
            seen.append(o)
            if len(seen) == 8:
                break

    simulate(unit, bench)
    assert REQUANTIZE_CYCLES == 5
    assert seen == [0, 0, 0, 0, 100, 0, 0, 0]
