from typing import Any

from tenzo.hw.broadcast import Broadcast
from tenzo.hw.pipeline import CONTROL_FLAGS
from tenzo.sw.engine import EngineParameters
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate

HELD = {"shift": 7, "wide": 1, "activation": 3}
MOVING = {"read_address": 9, "weight": -5, "capture": 1, "strobes": 2, "sample_data": -1}


def test_control_comes_one_cycle_later() -> None:
    unit = Broadcast(EngineParameters())

    async def bench(ctx: Any) -> None:
        ctx.set(unit.control, MOVING)
        ctx.set(unit.active_lanes, 5)
        assert not any(ctx.get(unit.held_control[name]) for name in MOVING)
        await ctx.tick()
        ctx.set(unit.control, {})
        assert {name: ctx.get(unit.held_control[name]) for name in MOVING} == MOVING
        assert ctx.get(unit.held_active_lanes) == 5
        await ctx.tick()
        assert not any(ctx.get(unit.held_control[name]) for name in MOVING)

    simulate(unit, bench)


def test_settings_stay_until_the_next_ones() -> None:
    unit = Broadcast(EngineParameters())

    async def bench(ctx: Any) -> None:
        ctx.set(unit.control, {**HELD, "load_settings": 1})
        await ctx.tick()
        ctx.set(unit.control, {"shift": 1, "activation": 1})
        for _ in range(3):
            assert {name: ctx.get(unit.held_control[name]) for name in HELD} == HELD
            await ctx.tick()

    simulate(unit, bench)


def test_reset_clears_the_flags() -> None:
    unit = Broadcast(EngineParameters())
    dut, reset = with_reset(unit)
    flags = [name for name in CONTROL_FLAGS if name in unit.control.shape().members]

    async def bench(ctx: Any) -> None:
        ctx.set(unit.control, dict.fromkeys(flags, 1))
        await ctx.tick()
        assert all(ctx.get(unit.held_control[name]) for name in flags)
        ctx.set(reset, 1)
        await ctx.tick()
        assert not any(ctx.get(unit.held_control[name]) for name in flags)

    simulate(dut, bench)
