import random
from typing import Any

from tenzo.hw.copies import Copies
from tenzo.sw.engine import EngineParameters
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate

ENGINE = EngineParameters(weight_depth=40, bias_depth=30)


def fill(ctx: Any, copies: Copies, pair: int, patched: int, address: int) -> None:
    ctx.set(copies.pair, pair)
    ctx.set(copies.filled, 1)
    ctx.set(copies.filled_patched, patched)
    ctx.set(copies.filled_address, address)


def tag(ctx: Any, copies: Copies, pair: int) -> int | None:
    """Return the address of a pair's patch, or nothing if it holds anything."""
    ctx.set(copies.filled, 0)
    ctx.set(copies.pair, pair)
    return int(ctx.get(copies.address)) if ctx.get(copies.patched) else None


def test_tags_equal_a_model_of_two_pairs():
    copies, generator = Copies(ENGINE), random.Random(1)

    async def bench(ctx: Any) -> None:
        tags: list[int | None] = [None, None]
        for _ in range(400):
            assert [tag(ctx, copies, pair) for pair in (0, 1)] == tags
            pair, patched = generator.randrange(2), int(generator.random() < 0.7)
            address, stale = generator.randrange(71), int(generator.random() < 0.1)
            fill(ctx, copies, pair, patched, address)
            filled = int(generator.random() < 0.8)
            ctx.set(copies.filled, filled)
            ctx.set(copies.stale, stale)
            await ctx.tick()
            ctx.set(copies.stale, 0)
            if filled:
                tags[pair] = address if patched else None
            if stale:
                tags = [None, None]

    simulate(copies, bench)


def test_a_tag_changes_only_when_its_pair_has_been_filled():
    copies = Copies(ENGINE)

    async def bench(ctx: Any) -> None:
        fill(ctx, copies, 1, 1, 69)
        await ctx.tick()
        assert [tag(ctx, copies, pair) for pair in (0, 1)] == [None, 69]
        ctx.set(copies.filled_patched, 0)
        await ctx.tick().repeat(3)
        assert tag(ctx, copies, 1) == 69

    simulate(copies, bench)


def test_reset_forgets_both_pairs():
    copies = Copies(ENGINE)
    design, reset = with_reset(copies)

    async def bench(ctx: Any) -> None:
        for pair in (0, 1):
            fill(ctx, copies, pair, 1, 5)
            await ctx.tick()
        assert [tag(ctx, copies, pair) for pair in (0, 1)] == [5, 5]
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert [tag(ctx, copies, pair) for pair in (0, 1)] == [None, None]

    simulate(design, bench)
