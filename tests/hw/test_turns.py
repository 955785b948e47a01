import pytest

from tenzo.hw.requantize import REQUANTIZE_CYCLES
from tenzo.hw.turns import Turns
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import TABLE_CYCLES
from tests.hw.word_streams import simulate

CASES = [(1, 1, 1), (8, 2, 4), (8, 2, 1), (9, 3, 2), (4, 4, 1)]
NAMES = ("advance", "round", "write_round", "counted", "strobes", "from_table")


def traced(unit: Turns, outputs: dict[int, int], cycles: int) -> dict[str, list[int]]:
    """Capture an output in each given cycle, of the table or not; return what comes out."""
    seen: dict[str, list[int]] = {name: [] for name in NAMES}

    async def bench(ctx):
        await ctx.tick().repeat(40)
        for cycle in range(cycles):
            ctx.set(unit.capture, cycle in outputs)
            ctx.set(unit.table, outputs.get(cycle, 0))
            for name, values in seen.items():
                values.append(ctx.get(getattr(unit, name)))
            await ctx.tick()

    simulate(unit, bench)
    return seen


@pytest.mark.parametrize(("lanes", "sharing", "units"), CASES)
def test_groups_and_positions_take_turns_as_stated(lanes, sharing, units):
    engine = EngineParameters(lane_count=lanes, requantizer_sharing=sharing, table_units=units)
    rounds = engine.table_rounds
    period = sharing * rounds
    starts = [0, period, 2 * period]
    seen = traced(Turns(engine), dict.fromkeys(starts, 1), 3 * period + 13)
    for start in starts:
        for position in range(sharing):
            for group in range(rounds):
                cycle = start + 1 + position * rounds + group
                assert seen["advance"][cycle] == (group == rounds - 1)
                assert seen["round"][cycle + REQUANTIZE_CYCLES] == group
                assert seen["counted"][cycle + REQUANTIZE_CYCLES] == (0 if group else 1 << position)
                assert seen["strobes"][cycle + REQUANTIZE_CYCLES + TABLE_CYCLES] == 1 << position
                assert seen["write_round"][cycle + REQUANTIZE_CYCLES + TABLE_CYCLES] == group
    first = 6 + TABLE_CYCLES
    assert seen["from_table"] == [
        int(first <= cycle < first + 3 * period) for cycle in range(3 * period + 13)
    ]


@pytest.mark.parametrize(("lanes", "sharing", "units"), CASES)
def test_other_outputs_take_one_cycle_a_position(lanes, sharing, units):
    engine = EngineParameters(lane_count=lanes, requantizer_sharing=sharing, table_units=units)
    seen = traced(Turns(engine), {0: 0, sharing: 0}, 2 * sharing + 13)
    assert not any(seen["from_table"])
    assert all(seen["advance"][1 : 2 * sharing + 1])
    want = [1 << position for position in range(sharing)] * 2
    for name in ("counted", "strobes"):
        assert seen[name] == [0] * 6 + want + [0] * 7
