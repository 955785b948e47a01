import random

import pytest

from tenzo.hw.pipeline import Pipeline
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.timing import ISSUE_TO_READ, ISSUE_TO_WRITE, read_after_write
from tests.hw.word_streams import simulate

CLUSTER = 1
"""Cycles that a cluster's registers add to everything on ``o``."""

TERM = {
    "valid": 1,
    "first": 1,
    "last": 1,
    "input_address": 9,
    "output_address": 21,
    "shift": 7,
    "use_bias": 1,
    "bias_shift": 3,
    "activation": 1,
}


def engine_of(sharing: int) -> EngineParameters:
    return EngineParameters(
        activation=Format(8, 4),
        weight=Format(8, 6),
        lane_count=4,
        requantizer_sharing=sharing,
        lane_depth=32,
    )


def traced(sharing: int, fields: dict[str, int], signals: tuple[str, ...]) -> dict[str, list[int]]:
    """Issue one term with weight 5 and bias 3 in cycle 0; return signals of ``o``, by cycle."""
    pipeline = Pipeline(engine_of(sharing))
    seen: dict[str, list[int]] = {name: [] for name in signals}

    async def bench(ctx):
        await ctx.tick().repeat(20)
        for cycle in range(ISSUE_TO_WRITE + sharing + 4):
            ctx.set(pipeline.term, {**TERM, **fields} if cycle == 0 else {"shift": 1})
            ctx.set(pipeline.weight, 5 if cycle == 1 else 0)
            ctx.set(pipeline.bias, 3 if cycle == 1 else 0)
            for name, values in seen.items():
                values.append(ctx.get(pipeline.o[name]))
            await ctx.tick()

    simulate(pipeline, bench)
    return seen


def only_in(cycle: int, values: list[int]) -> bool:
    return bool(values[cycle]) and not any(values[:cycle] + values[cycle + 1 :])


def test_issue_to_read_is_pinned():
    seen = traced(2, {}, ("read_address",))
    assert only_in(ISSUE_TO_READ - CLUSTER, seen["read_address"])


def test_operands_meet_the_lane():
    seen = traced(2, {}, ("weight", "accumulate", "first", "start", "capture"))
    assert only_in(ISSUE_TO_READ + 2 - CLUSTER, seen["weight"])
    for name in ("accumulate", "first", "start"):
        assert only_in(ISSUE_TO_READ + 3 - CLUSTER, seen[name])
    assert only_in(ISSUE_TO_READ + 4 - CLUSTER, seen["capture"])
    assert max(seen["weight"]) == 5
    assert max(seen["start"]) == 3 << 3


@pytest.mark.parametrize("sharing", [1, 2, 3, 8])
def test_issue_to_write_is_pinned(sharing):
    seen = traced(sharing, {}, ("strobes", "write_address"))
    first = ISSUE_TO_WRITE - CLUSTER
    want = [0] * first + [1 << position for position in range(sharing)] + [0] * 5
    assert seen["strobes"] == want[: len(seen["strobes"])]
    assert seen["write_address"][first : first + sharing] == [21] * sharing


def test_only_the_last_term_of_an_output_is_written():
    seen = traced(2, {"last": 0}, ("strobes", "capture", "accumulate"))
    assert not any(seen["strobes"] + seen["capture"])
    assert any(seen["accumulate"])


def test_settings_come_when_the_requantizer_takes_the_sum():
    seen = traced(2, {}, ("load_settings", "shift", "activation"))
    cycle = seen["load_settings"].index(1)
    assert only_in(cycle, seen["load_settings"])
    assert cycle == ISSUE_TO_READ + 5 - CLUSTER
    assert (seen["shift"][cycle], seen["activation"][cycle]) == (7, 1)


def test_unit_weight_replaces_the_weight_and_no_bias_is_zero():
    seen = traced(2, {"unit_weight": 1, "use_bias": 0}, ("weight", "start"))
    assert max(seen["weight"]) == 1
    assert not any(seen["start"])


@pytest.mark.parametrize("to_results", [0, 1])
def test_samples_wait_for_writes_to_lane_memory_only(to_results):
    pipeline = Pipeline(engine_of(2))
    ready = []

    async def bench(ctx):
        ctx.set(pipeline.sample_write.valid, 1)
        ctx.set(pipeline.sample_write.payload, {"lane": 3, "address": 30, "data": -5})
        for cycle in range(ISSUE_TO_WRITE + 5):
            ctx.set(pipeline.term, {**TERM, "to_results": to_results} if cycle == 0 else {})
            ready.append(ctx.get(pipeline.sample_write.ready))
            await ctx.tick()
            o = ctx.get(pipeline.o)
            assert o.sample == ready[-1]
            assert o.write_address == (30 if ready[-1] else 21)
            assert (o.sample_lane, o.sample_data) == (3, -5)

    simulate(pipeline, bench)
    blocked = [ISSUE_TO_WRITE - 2, ISSUE_TO_WRITE - 1] if not to_results else []
    assert [cycle for cycle, value in enumerate(ready) if not value] == blocked


def test_terms_never_wait_for_samples():
    pipeline = Pipeline(engine_of(2))
    generator = random.Random(1)
    issued, written = [], []

    async def bench(ctx):
        for cycle in range(200):
            ctx.set(pipeline.sample_write.valid, generator.randrange(2))
            last = cycle < 150 and cycle % 2 == 1 and generator.random() < 0.8
            address = generator.randrange(1, 32)
            ctx.set(pipeline.term, {"valid": 1, "last": last, "output_address": address})
            if last:
                issued.append((cycle + ISSUE_TO_WRITE - 1, address))
            o = ctx.get(pipeline.o)
            if o.strobes & 1:
                written.append((cycle, o.write_address))
            await ctx.tick()

    simulate(pipeline, bench)
    assert written == issued


@pytest.mark.parametrize("sharing", [1, 2, 8])
def test_a_read_of_a_word_still_to_be_written_is_caught(sharing):
    engine = engine_of(sharing)

    def read_after(cycles, to_results):
        pipeline = Pipeline(engine)

        async def bench(ctx):
            ctx.set(pipeline.term, {**TERM, "to_results": to_results})
            for _ in range(cycles):
                await ctx.tick()
                ctx.set(pipeline.term, {})
            ctx.set(pipeline.term, {**TERM, "input_address": TERM["output_address"], "last": 0})
            await ctx.tick()

        simulate(pipeline, bench)

    least = read_after_write(engine)
    for cycles in range(1, least):
        with pytest.raises(AssertionError, match="Assertion violated"):
            read_after(cycles, to_results=0)
        read_after(cycles, to_results=1)
    read_after(least, to_results=0)
