"""Queries through a whole core whose program shows every parameter that it works with."""

import random
from itertools import product
from typing import Any

import pytest

from tenzo.hw.perturbation import DONE_CYCLES, PATCH_CYCLES
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Stage
from tests.hw.core_bench import CoreBench, random_values
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate

WEIGHTS, BIASES = 9, 4
COUNT = WEIGHTS + BIASES
ENGINE = EngineParameters(
    activation=Format(8, 4),
    weight=Format(8, 6),
    lane_count=1,
    requantizer_sharing=1,
    lane_depth=16,
    weight_depth=16,
    bias_depth=16,
    stage_slots=4,
    result_depth=COUNT,
)
PLUS, MINUS = 1, 2
ONE_HOT = 3
Query = dict[str, int]


def showing_stages(weights: int = WEIGHTS, biases: int = BIASES) -> tuple[Stage, ...]:
    """Return a program whose results are all weights, then all biases.

    Lane memory holds a one, then a zero; nothing is rounded.
    """
    first = Stage(
        (1, 1, 1, 1, weights, 1),
        0,
        (0, 0, 0, 0, 0, 1),
        0,
        (0, 0, 0, 0, 1, 0),
        0,
        (0, 0, 0, 0, 1),
        0,
        to_results=True,
    )
    second = Stage(
        (1, 1, 1, 1, biases, 1),
        1,
        (0,) * 6,
        0,
        (0,) * 6,
        weights,
        (0, 0, 0, 0, 1),
        0,
        bias_strides=(0, 0, 0, 0, 1),
        use_bias=True,
        unit_weight=True,
        to_results=True,
    )
    return with_waits([first, second], ENGINE)


class Shown:
    """A core with :func:`showing_stages`, and what it was asked."""

    def __init__(self, seed: int) -> None:
        self.bench = CoreBench(ENGINE)
        self.random = random.Random(seed)
        self.masters: list[int] = []

    async def load(self, ctx: Any) -> None:
        self.masters = random_values(self.random, COUNT, 8)
        weights, biases = self.masters[:WEIGHTS], self.masters[WEIGHTS:]
        await self.bench.load(ctx, showing_stages(), weights, biases)
        await self.bench.load_samples(ctx, [[1, 0]])

    async def show(self, ctx: Any, queries: list[Query], ahead: int = 3) -> list[list[int]]:
        """Run queries, so many at once; return the parameters of each, compared with the model."""
        shown = []
        for index in range(len(queries) + ahead):
            if index >= ahead:
                (got,) = await self.bench.finish(ctx, COUNT)
                query = queries[index - ahead]
                assert got == self.bench.expect(**query)[0][:COUNT], (index - ahead, query)
                shown.append(got)
            if index < len(queries):
                await self.bench.ask(ctx, **queries[index])
        counted = (await self.bench.counters(ctx))["weight_saturations"]
        assert counted == self.bench.model.counters["weight_saturations"]
        return shown

    async def write(self, ctx: Any, address: int, value: int) -> None:
        """Write one master."""
        bias, place = (1, address - WEIGHTS) if address >= WEIGHTS else (0, address)
        (self.bench.model.biases if bias else self.bench.model.weights)[place] = value
        record = {"valid": 1, "bias": bias, "address": place, "data": value}
        ctx.set(self.bench.core.parameter_write, record)
        await ctx.tick()
        ctx.set(self.bench.core.parameter_write.valid, 0)
        self.masters[address] = value


def query(**fields: int) -> Query:
    return {"entry": 0, "stop": 2, "active_lanes": 1, "last": COUNT, **fields}


def one_hot(address: int, step: int) -> Query:
    sign = PLUS if step > 0 else MINUS
    fields = {"distribution": ONE_HOT, "sign": sign, "epsilon_raw": abs(step)}
    return query(**fields, first=address, last=address + 1)


def patched(masters: list[int], address: int, step: int) -> list[int]:
    changed = max(-128, min(127, masters[address] + step))
    return [*masters[:address], changed, *masters[address + 1 :]]


def test_one_hot_queries_change_one_parameter_each_whatever_came_before():
    """Every edge follows every other one in the same pair of banks, and itself."""
    shown = Shown(1)
    edges = (0, 1, WEIGHTS - 1, WEIGHTS, WEIGHTS + 1, COUNT - 1)
    steps = [
        (address, 127 if turn % 2 else -127)
        for turn, (a, b) in enumerate(product(edges, repeat=2))
        for address in (a, a, b, b)
    ]

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        got = await shown.show(ctx, [one_hot(*step) for step in steps])
        assert got == [patched(shown.masters, *step) for step in steps]

    simulate(shown.bench.core, run)


def test_kinds_of_queries_in_any_order_equal_the_model():
    """Every run of three among four kinds: each pair remembers what it holds itself."""
    shown = Shown(2)
    kinds = [one_hot(2, 70), one_hot(WEIGHTS + 1, -70), query(), query(sign=PLUS, epsilon_raw=9)]
    asked = [
        {**kind, "seed": 1 + turn % 77} for turn, kind in enumerate(_every_run(kinds, length=3))
    ]

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        await shown.show(ctx, asked)

    simulate(shown.bench.core, run)


def _every_run(kinds: list[Query], length: int) -> list[Query]:
    """Return a sequence that has every run of so many kinds in it, one after the other."""
    return [kind for run in product(kinds, repeat=length) for kind in run]


def test_a_write_of_a_master_reaches_every_later_query():
    shown = Shown(3)

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        for address in (0, WEIGHTS - 1, WEIGHTS, COUNT - 1):
            others = [(address + turn) % COUNT for turn in (1, 2, 3)]
            await shown.show(ctx, [one_hot(other, 9) for other in others])
            await shown.write(ctx, address, -shown.masters[address] ^ 5)
            got = await shown.show(ctx, [one_hot(other, 9) for other in others])
            assert got == [patched(shown.masters, other, 9) for other in others]
            assert await shown.show(ctx, [query()]) == [shown.masters]

    simulate(shown.bench.core, run)


def test_other_counts_make_every_copy_stale():
    """The same unified address is another parameter, and more of them are in use."""
    shown = Shown(4)
    bench = shown.bench

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        fewer = (WEIGHTS - 2, BIASES - 1)
        for counts in (fewer, (WEIGHTS, BIASES), fewer):
            ctx.set(bench.core.weight_count, counts[0])
            ctx.set(bench.core.bias_count, counts[1])
            ctx.set(bench.core.configure, 1)
            await ctx.tick()
            ctx.set(bench.core.configure, 0)
            bench.counts = counts
            words = [word for stage in showing_stages(*counts) for word in stage.encode()]
            bench.model.program[: len(words)] = words
            for address, word in enumerate(words):
                ctx.set(bench.core.program_write, {"valid": 1, "address": address, "data": word})
                await ctx.tick()
            ctx.set(bench.core.program_write.valid, 0)
            for address in range(sum(counts)):
                asked = one_hot(address, -50)
                await bench.ask(ctx, **asked)
                (got,) = await bench.finish(ctx, sum(counts))
                assert got == bench.expect(**asked)[0][: sum(counts)], (counts, address)

    simulate(bench.core, run)


@pytest.mark.parametrize("cycles", [3, 6, 9, 14, 17, 20, 23])
def test_a_stream_that_reset_interrupts_leaves_no_copy(cycles):
    shown = Shown(5)
    design, reset = with_reset(shown.bench.core)

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        await shown.show(ctx, [query(), query()])
        await shown.bench.ask(ctx, **query(sign=PLUS, epsilon_raw=100))
        await ctx.tick().repeat(cycles)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        shown.bench.model.clear()
        await ctx.tick().repeat(20)  # until the counters are zero
        got = await shown.show(ctx, [one_hot(1, 1), one_hot(COUNT - 1, 1)])
        assert got == [patched(shown.masters, 1, 1), patched(shown.masters, COUNT - 1, 1)]

    simulate(design, run)


def test_a_one_hot_query_that_saturates_is_counted_once():
    shown = Shown(6)

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        for address in (3, WEIGHTS + 2):
            await shown.write(ctx, address, 127)
        # In a stream, in a patch, restoring the address that saturates, and with both.
        asked = [one_hot(address, 1) for address in (3, 3, 3, 3, WEIGHTS + 2, WEIGHTS + 2)]
        asked += [one_hot(4, 0), query()] * 2
        await shown.show(ctx, asked)
        assert (await shown.bench.counters(ctx))["weight_saturations"] == 6

    simulate(shown.bench.core, run)


def test_a_patch_takes_seven_cycles_from_the_queue_to_the_start():
    shown = Shown(7)
    asked = [one_hot(5, 1), query(), one_hot(WEIGHTS, 1), query(), query(last=0), one_hot(2, 3)]
    streamed = query(sign=PLUS, epsilon_raw=1, last=0)

    async def waits(ctx: Any, queries: list[Query]) -> list[int]:
        cycles = []
        for one in queries:
            before = (await shown.bench.counters(ctx))["perturb_wait_cycles"]
            await shown.show(ctx, [one], ahead=1)
            cycles.append((await shown.bench.counters(ctx))["perturb_wait_cycles"] - before)
        return cycles

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        stream = 1 + COUNT + DONE_CYCLES  # 1 in the queue
        patch = 1 + PATCH_CYCLES
        assert await waits(ctx, asked) == [stream] * 2 + [patch] * 4
        assert await waits(ctx, [streamed, *asked]) == [stream, patch, stream] + [patch] * 4
        assert (stream, patch) == (18, 7)

    simulate(shown.bench.core, run)


def test_patches_hide_behind_the_running_program():
    shown = Shown(8)

    async def run(ctx: Any) -> None:
        await shown.load(ctx)
        await shown.show(ctx, [query(), query()])
        before = (await shown.bench.counters(ctx))["perturb_wait_cycles"]
        await shown.show(ctx, [one_hot(turn % COUNT, 1) for turn in range(30)])
        # The first of them has nothing to hide behind.
        assert (await shown.bench.counters(ctx))["perturb_wait_cycles"] == before + 1 + PATCH_CYCLES

    simulate(shown.bench.core, run)
