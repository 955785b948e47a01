import pytest
from amaranth.hdl import signed

from tenzo.hw.banks import ParameterBanks
from tenzo.hw.memory import SPRAM_WORDS, SinglePortMemory, Target
from tenzo.hw.netlist import component_verilog
from tenzo.hw.prefetch import Prefetch
from tenzo.sw.engine import EngineParameters
from tests.hw.word_streams import simulate

SPRAM = Target(has_spram=True)


def cells(component, target=SPRAM):
    return component_verilog(component, "top", target).count("SB_SPRAM256KA ")


def test_a_word_is_read_one_cycle_after_its_address():
    unit = SinglePortMemory(signed(16), 20)

    async def bench(ctx):
        for address in range(20):
            ctx.set(unit.write_enable, 1)
            ctx.set(unit.write_address, address)
            ctx.set(unit.write_data, -address)
            await ctx.tick()
        ctx.set(unit.write_enable, 0)
        for address in (0, 19, 7):
            ctx.set(unit.read_address, address)
            await ctx.tick()
            assert ctx.get(unit.read_data) == -address

    simulate(unit, bench)


@pytest.mark.parametrize(("width", "count"), [(16, 1), (18, 2), (32, 2)])
def test_each_16_bits_of_a_word_take_a_cell(width, count):
    assert cells(SinglePortMemory(signed(width), 100)) == count


def test_other_targets_and_larger_memories_take_none():
    assert cells(SinglePortMemory(16, 100), None) == 0
    assert cells(SinglePortMemory(16, 100), Target()) == 0
    assert cells(SinglePortMemory(16, SPRAM_WORDS + 1)) == 0


def test_masters_share_a_cell_and_the_program_takes_two():
    engine = EngineParameters()
    assert cells(ParameterBanks(engine)) == 1
    assert cells(Prefetch(engine)) == 2
