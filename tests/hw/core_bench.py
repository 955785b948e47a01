"""Drives a core in Amaranth's simulator as its controller would."""

import random
from collections.abc import Sequence
from typing import Any

from tenzo.hw.core import Core
from tenzo.hw.interface import RESULT_LATENCY, TALLY_LATENCY
from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.core_model import CoreModel
from tenzo.sw.packets import COUNTER_WORDS
from tenzo.sw.program import Stage

QUERY = {
    "distribution": 0,
    "bits": 1,
    "sign": 0,
    "seed": 1,
    "epsilon_raw": 0,
    "first": 0,
    "last": 0,
    "entry": 0,
    "stop": 1,
    "active_lanes": 1,
    "sample_base": 0,
}


TALLY_SETTLING_CYCLES = 12
"""Cycles from an event until its count is in memory, at most."""


class CoreBench:
    """A core, and a model that is told the same."""

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        self.core = Core(engine)
        self.model = CoreModel(engine)
        self.counts = (0, 0)

    async def load(
        self, ctx: Any, stages: Sequence[Stage], weights: Sequence[int], biases: Sequence[int]
    ) -> None:
        """Write program and parameters, one word a cycle."""
        core = self.core
        words = [word for stage in stages for word in stage.encode()]
        self.counts = (len(weights), len(biases))
        ctx.set(core.weight_count, len(weights))
        ctx.set(core.bias_count, len(biases))
        for address, word in enumerate(words):
            ctx.set(core.program_write, {"valid": 1, "address": address, "data": word})
            await ctx.tick()
        ctx.set(core.program_write.valid, 0)
        self.model.program[: len(words)] = words
        for bias, values in enumerate((weights, biases)):
            memory = self.model.biases if bias else self.model.weights
            memory[: len(values)] = values
            for address, value in enumerate(values):
                write = {"valid": 1, "bias": bias, "address": address, "data": value}
                ctx.set(core.parameter_write, write)
                await ctx.tick()
        ctx.set(core.parameter_write.valid, 0)

    async def load_samples(self, ctx: Any, samples: Sequence[Sequence[int]], base: int = 0) -> None:
        """Write the samples of each lane."""
        sample_write = self.core.sample_write
        for lane, values in enumerate(samples):
            self.model.lanes[lane, base : base + len(values)] = values
            for address, value in enumerate(values, start=base):
                ctx.set(sample_write.payload, {"lane": lane, "address": address, "data": value})
                ctx.set(sample_write.valid, 1)
                await ctx.tick().until(sample_write.ready)
                ctx.set(sample_write.valid, 0)

    def expect(self, **fields: int) -> list[list[int]]:
        """Return the model's results of a query."""
        return self.model.run({**QUERY, **fields}, *self.counts).tolist()

    async def ask(self, ctx: Any, **fields: int) -> None:
        """Queue a query."""
        ctx.set(self.core.query.payload, {**QUERY, **fields})
        ctx.set(self.core.query.valid, 1)
        await ctx.tick().until(self.core.query.ready)
        ctx.set(self.core.query.valid, 0)

    async def finish(self, ctx: Any, outputs: int) -> list[list[int]]:
        """Wait for the oldest query, read its results back to back, release it."""
        core = self.core
        while not ctx.get(core.result_ready):
            await ctx.tick()
        where = [(lane, k) for lane in range(self.engine.lane_count) for k in range(outputs)]
        values = []
        for cycle in range(len(where) + RESULT_LATENCY):
            if cycle < len(where):
                ctx.set(core.result_read, {"lane": where[cycle][0], "output": where[cycle][1]})
            if cycle >= RESULT_LATENCY:
                values.append(ctx.get(core.result_data))
            await ctx.tick()
        ctx.set(core.result_release, 1)
        await ctx.tick()
        ctx.set(core.result_release, 0)
        return [values[first : first + outputs] for first in range(0, len(values), outputs)]

    async def counters(self, ctx: Any) -> dict[str, int]:
        """Return all counters."""
        await ctx.tick().repeat(TALLY_SETTLING_CYCLES)
        values = [await self._tally(ctx, 1, index) for index in range(len(COUNTER_WORDS))]
        return dict(zip(COUNTER_WORDS, values, strict=True))

    async def saturations(self, ctx: Any, stages: int) -> list[int]:
        """Read the saturations of the first stages."""
        return [await self._tally(ctx, 0, stage) for stage in range(stages)]

    async def _tally(self, ctx: Any, is_counter: int, index: int) -> int:
        read = {"valid": 1, "is_counter": is_counter, "index": index}
        ctx.set(self.core.tally_read, read)
        await ctx.tick().repeat(TALLY_LATENCY)
        ctx.set(self.core.tally_read.valid, 0)
        return int(ctx.get(self.core.tally_data))

    async def clear(self, ctx: Any) -> None:
        """Clear all counters."""
        self.model.clear()
        ctx.set(self.core.clear, 1)
        await ctx.tick()
        ctx.set(self.core.clear, 0)
        while ctx.get(self.core.clear_busy):
            await ctx.tick()


def random_values(generator: random.Random, count: int, width: int) -> list[int]:
    """Return signed values, the two extremes often among them."""
    limit = 1 << (width - 1)
    extremes = (-limit, limit - 1)
    return [
        generator.choice(extremes)
        if generator.random() < 0.1
        else generator.randrange(-limit, limit)
        for _ in range(count)
    ]
