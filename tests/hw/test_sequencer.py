import random
from math import prod
from typing import Any

import pytest

from tenzo.hw.descriptor import address_widths
from tenzo.hw.sequencer import START_CYCLES, Sequencer
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.reference import decode, terms
from tenzo.sw.program import Activation, Stage
from tenzo.sw.timing import PREFETCH_CYCLES, output_cycles
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate

SETTINGS = ("shift", "bias_shift", "activation", "use_bias", "unit_weight", "to_results")
Slot = dict[str, int]


def engine_of(sharing: int) -> EngineParameters:
    return EngineParameters(
        lane_count=16, requantizer_sharing=sharing, lane_depth=1000, weight_depth=500, bias_depth=16
    )


def random_stage(generator: random.Random, **fields: Any) -> Stage:
    """A stage with any strides; addresses wrap as they like."""
    counts = [generator.choice([1, 1, 2, 3, 4]) for _ in range(6)]
    while prod(counts) > 60:
        counts[generator.randrange(6)] = 1
    return Stage(
        **{
            "counts": tuple(counts),
            "input_base": generator.randrange(1 << 16),
            "input_strides": tuple(generator.randrange(-300, 1 << 16) for _ in range(6)),
            "weight_base": generator.randrange(1 << 16),
            "weight_strides": tuple(generator.randrange(-9, 9) for _ in range(6)),
            "output_base": generator.randrange(1 << 16),
            "output_strides": tuple(generator.randrange(-99, 99) for _ in range(5)),
            "bias_base": generator.randrange(1 << 16),
            "bias_strides": tuple(generator.randrange(-3, 1 << 16) for _ in range(5)),
            "shift": generator.randrange(64),
            "bias_shift": generator.randrange(32),
            "activation": generator.choice(list(Activation)),
            "use_bias": generator.random() < 0.5,
            "unit_weight": generator.random() < 0.5,
            "to_results": generator.random() < 0.5,
            "sample_input": generator.random() < 0.5,
            **fields,
        }
    )


def expected_slots(engine: EngineParameters, stages: list[Stage], sample_base: int) -> list[Slot]:
    """Issue slots of a program from the first one on; a cycle of waiting is an empty one."""
    masks = {name: (1 << width) - 1 for name, width in address_widths(engine).items()}
    slots: list[Slot] = []
    for number, stage in enumerate(stages):
        descriptor = decode(stage.encode())
        first_slot = len(slots) + (stage.wait_cycles if number else 0)
        slots += [{} for _ in range(first_slot - len(slots))]
        idle = output_cycles(engine, stage.counts[5]) - stage.counts[5]
        for term in terms(descriptor):
            if term.first:
                slots += [{} for _ in range(idle)]
            base = sample_base if stage.sample_input else 0
            slots.append(
                {
                    "first": term.first,
                    "last": term.last,
                    "input_address": term.input + base & masks["input"],
                    "weight_address": term.weight & masks["weight"],
                    "output_address": term.output & masks["output"],
                    "bias_address": term.bias & masks["bias"],
                    **{name: descriptor.control[name] for name in SETTINGS},
                }
            )
        slots[first_slot]["stage_start"] = 1
        slots[first_slot]["program_start"] = int(number == 0)
    slots[-1]["program_end"] = 1
    return slots


async def load(ctx: Any, sequencer: Sequencer, stages: list[Stage]) -> None:
    words = [word for stage in stages for word in stage.encode()]
    for address, word in enumerate(words):
        ctx.set(sequencer.program_write, {"valid": 1, "address": address, "data": word})
        await ctx.tick()
        ctx.set(sequencer.program_write.valid, 0)
        if sequencer.compact:
            await ctx.tick()


async def start(ctx: Any, sequencer: Sequencer, entry: int, stop: int, sample_base: int) -> None:
    ctx.set(sequencer.entry, entry)
    ctx.set(sequencer.stop, stop)
    ctx.set(sequencer.sample_base, sample_base)
    ctx.set(sequencer.start, 1)
    await ctx.tick()
    ctx.set(sequencer.start, 0)


async def check_run(
    ctx: Any, sequencer: Sequencer, stages: list[Stage], entry: int, sample_base: int
) -> None:
    """Run stages from ``entry`` on and compare every cycle."""
    await start(ctx, sequencer, entry, len(stages), sample_base)
    latency = max(START_CYCLES, stages[entry].wait_cycles + 3)
    for _ in range(latency - 1):
        assert not ctx.get(sequencer.running)
        assert not ctx.get(sequencer.term.valid)
        await ctx.tick()
    for number, want in enumerate(expected_slots(sequencer.engine, stages[entry:], sample_base)):
        got = ctx.get(sequencer.term)
        assert ctx.get(sequencer.running)
        assert got.valid == ("first" in want), number
        for name in ("stage_start", "program_start", "program_end"):
            assert got[name] == want.get(name, 0), (number, name)
        assert {name: got[name] for name in want} == want, number
        await ctx.tick()
    assert not ctx.get(sequencer.running)
    assert not ctx.get(sequencer.term.valid)


def with_least_waits(engine: EngineParameters, stages: list[Stage]) -> list[int]:
    """Wait cycles that leave each descriptor just enough time to be read."""
    waits = [0]
    for stage in stages[:-1]:
        slots = stage.output_count * output_cycles(engine, stage.counts[5])
        waits.append(max(0, PREFETCH_CYCLES - slots))
    return waits


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("sharing", [1, 2, 3, 16])
@pytest.mark.parametrize("seed", range(6))
def test_random_programs_equal_the_interpreter(sharing, seed, compact):
    generator = random.Random(f"{sharing} {seed}")
    engine = engine_of(sharing)
    stages = [random_stage(generator) for _ in range(5)]
    for index, wait in enumerate(with_least_waits(engine, stages)):
        wait += generator.choice([0, 0, 1, 2, 30])
        stages[index] = Stage(**{**vars(stages[index]), "wait_cycles": wait})
    sequencer = Sequencer(engine, compact=compact)

    async def bench(ctx):
        await load(ctx, sequencer, stages)
        for entry in (0, 2, 4):
            await check_run(ctx, sequencer, stages, entry, generator.randrange(1 << 16))

    simulate(sequencer, bench)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("outputs", [1, 18, 19, 20, 21])
def test_prefetch_cycles_between_stages_are_enough(outputs, compact):
    engine = engine_of(1)
    generator = random.Random(outputs)
    fields: dict[str, Any] = {"counts": (1, 1, 1, 1, outputs, 1)}
    stages = [random_stage(generator, **fields) for _ in range(4)]
    waits = with_least_waits(engine, stages)
    stages = [Stage(**{**vars(s), "wait_cycles": w}) for s, w in zip(stages, waits, strict=True)]
    sequencer = Sequencer(engine, compact=compact)

    async def bench(ctx):
        await load(ctx, sequencer, stages)
        await check_run(ctx, sequencer, stages, 0, 0)

    simulate(sequencer, bench)


def test_a_stage_waits_for_its_descriptor_if_the_program_does_not():
    engine = engine_of(1)
    generator = random.Random(1)
    stages = [random_stage(generator, counts=(1, 1, 1, 1, 1, 1)) for _ in range(2)]
    sequencer = Sequencer(engine)
    starts = []

    async def bench(ctx):
        await load(ctx, sequencer, stages)
        await start(ctx, sequencer, 0, 2, 0)
        for cycle in range(60):
            if ctx.get(sequencer.term.valid):
                starts.append(cycle)
            await ctx.tick()

    simulate(sequencer, bench)
    assert starts[1] - starts[0] == PREFETCH_CYCLES


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("wait", [0, 1, 18, 19, 20, 40])
def test_wait_before_the_entry_is_honoured(wait, compact):
    sequencer = Sequencer(engine_of(2), compact=compact)
    stages = [random_stage(random.Random(3), wait_cycles=wait)]

    async def bench(ctx):
        await load(ctx, sequencer, stages)
        await check_run(ctx, sequencer, stages, 0, 5)

    simulate(sequencer, bench)


@pytest.mark.slow
def test_a_count_may_be_65536():
    stage = random_stage(random.Random(1), counts=(1, 1, 1, 1, 1, 1 << 16))
    sequencer = Sequencer(engine_of(1))
    issued = []

    async def bench(ctx):
        await load(ctx, sequencer, [stage])
        await start(ctx, sequencer, 0, 1, 0)
        async for _, _, valid, end in ctx.tick().sample(
            sequencer.term.valid, sequencer.term.program_end
        ):
            issued.append(valid)
            if end:
                break

    simulate(sequencer, bench)
    assert sum(issued) == 1 << 16


@pytest.mark.parametrize("compact", [False, True])
def test_reset_stops_a_program_and_the_next_one_runs(compact):
    engine = engine_of(2)
    generator = random.Random(11)
    stages = [random_stage(generator, counts=(1, 1, 1, 2, 5, 3), wait_cycles=0) for _ in range(2)]

    async def bench(ctx):
        await load(ctx, sequencer, stages)
        for cycles in (1, 10, 25, 40):
            await start(ctx, sequencer, 0, 2, 0)
            await ctx.tick().repeat(cycles)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            for _ in range(60):
                assert not ctx.get(sequencer.term.valid)
                assert not ctx.get(sequencer.running)
                await ctx.tick()
            await check_run(ctx, sequencer, stages, 1, 7)

    sequencer = Sequencer(engine, compact=compact)
    design, reset = with_reset(sequencer)
    simulate(design, bench)
