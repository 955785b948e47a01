import random

import pytest

from tenzo.hw.table import TableUnits
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.program import Activation
from tenzo.sw.table import FUNCTIONS
from tenzo.sw.timing import TABLE_CYCLES
from tests.hw.word_streams import simulate

SIZES = [(4, 1, 3), (5, 2, 4), (8, 5, 3), (8, 4, 7), (11, 7, 6), (16, 12, 9), (18, 14, 10)]


def engine_of(width: int, frac_bits: int, segment_bits: int) -> EngineParameters:
    return EngineParameters(
        activation=Format(width, 0),
        table_units=1,
        table_frac_bits=frac_bits,
        table_segment_bits=segment_bits,
    )


def outputs(unit: TableUnits, stimuli: list[tuple[Activation, list[int]]]) -> list[list[int]]:
    """Give every unit one argument a cycle; return what all of them answer, from cycle 0 on."""
    seen = []

    async def bench(ctx):
        for function, arguments in [*stimuli, *[stimuli[-1]] * TABLE_CYCLES]:
            ctx.set(unit.tanh, function == Activation.TANH)
            for index, argument in enumerate(arguments):
                ctx.set(getattr(unit, f"argument_{index}"), argument)
            seen.append(
                [ctx.get(getattr(unit, f"value_{index}")) for index in range(unit.unit_count)]
            )
            await ctx.tick()

    simulate(unit, bench)
    return seen


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("size", SIZES)
def test_values_equal_the_software_in_every_cycle(size, function):
    engine = engine_of(*size)
    half = 1 << (size[0] - 1)
    arguments = list(range(-half, half)) if half <= 1 << 10 else [-half, -half + 1, -1, 0, half - 1]
    if half > 1 << 10:
        arguments += random.Random(1).choices(range(-half, half), k=1500)
    seen = outputs(TableUnits(engine, 1), [(function, [argument]) for argument in arguments])
    assert [value for (value,) in seen[TABLE_CYCLES:]] == [
        engine.table.value(function, argument) for argument in arguments
    ]


def test_latency_is_six_cycles():
    engine = engine_of(8, 5, 4)
    stimuli = [(Activation.SINE, [value]) for value in (0, 0, 50, 0, 0, 0, 0, 0, 0, 0)]
    seen = [value for (value,) in outputs(TableUnits(engine, 1), stimuli)]
    assert TABLE_CYCLES == 6
    assert [cycle for cycle, value in enumerate(seen) if value] == [2 + 6]


@pytest.mark.parametrize("units", [1, 2, 3, 4])
def test_units_work_side_by_side_on_either_function(units):
    engine = engine_of(8, 4, 5)
    source = random.Random(units)
    stimuli = [
        (source.choice(FUNCTIONS), source.choices(range(-128, 128), k=units)) for _ in range(300)
    ]
    seen = outputs(TableUnits(engine, units), stimuli)
    assert seen[TABLE_CYCLES:] == [
        [engine.table.value(function, argument) for argument in arguments]
        for function, arguments in stimuli
    ]
