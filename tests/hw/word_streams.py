"""Drivers and monitors of word streams in Amaranth's simulator."""

import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

from amaranth.sim import Simulator

Stalls = Iterator[int]
"""Idle cycles before each transfer."""


def no_stalls() -> Stalls:
    return repeat(0)


def random_stalls(seed: int, longest: int = 3) -> Stalls:
    generator = random.Random(seed)
    while True:
        yield generator.choice([0, 0, generator.randint(0, longest)])


async def send(ctx: Any, words: Any, packet: Iterable[int], stalls: Stalls | None = None) -> None:
    """Send the words of one packet, the last one marked."""
    stalls = stalls or no_stalls()
    items = list(packet)
    for index, item in enumerate(items):
        for _ in range(next(stalls)):
            await ctx.tick()
        ctx.set(words.payload.data, item)
        ctx.set(words.payload.last, index == len(items) - 1)
        ctx.set(words.valid, 1)
        await ctx.tick().until(words.ready)
        ctx.set(words.valid, 0)


async def receive(ctx: Any, words: Any, stalls: Stalls | None = None) -> list[int]:
    """Receive words up to the one marked last; a word must not change while it waits."""
    stalls = stalls or no_stalls()
    packet = []
    while True:
        waited = None
        for _ in range(next(stalls)):
            _, _, valid, data = await ctx.tick().sample(words.valid, words.payload.data)
            assert waited is None or (valid, data) == (1, waited), "a waiting word changed"
            waited = data if valid else None
        ctx.set(words.ready, 1)
        data, last = (
            await ctx.tick().sample(words.payload.data, words.payload.last).until(words.valid)
        )
        assert waited is None or data == waited, "a waiting word changed"
        ctx.set(words.ready, 0)
        packet.append(data)
        if last:
            return packet


Bench = Callable[..., Any]


def simulate(
    design: Any, *benches: Bench, processes: Iterable[Bench] = (), limit_cycles: int = 100_000
) -> None:
    """Run test benches until all of them end; fail if they have not after ``limit_cycles``.

    Processes, which stand for synchronous parts of the design, run as long.
    """

    running = len(benches)

    async def watched(ctx: Any, bench: Bench) -> None:
        nonlocal running
        await bench(ctx)
        running -= 1

    async def watch(ctx: Any) -> None:
        for _ in range(limit_cycles):
            if not running:
                return
            await ctx.tick()
        raise AssertionError(f"not done after {limit_cycles} cycles")

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(partial(watched, bench=bench))
    simulator.add_testbench(watch)
    for process in processes:
        simulator.add_process(process)
    simulator.run()
