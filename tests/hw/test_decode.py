from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.decode import Decoder, field, times_descriptor_words
from tenzo.hw.interface import PacketLayout
from tenzo.sw.packets import LAYOUTS, NakCode, Opcode
from tenzo.sw.program import DESCRIPTOR_WORDS
from tests.hw.word_streams import simulate
from tests.packet_limits import BIASES, ENGINE, STAGES, WEIGHTS, Case, limit_cases

_FLAGS = {
    Opcode.WRITE_PROGRAM: "program_valid",
    Opcode.WRITE_PARAMETERS: "parameters_valid",
    Opcode.WRITE_SAMPLES: "samples_valid",
}


async def judge(
    ctx: Any, dut: Decoder, opcode: int, payload: list[int], state: dict[str, int]
) -> tuple[int, int]:
    """Return the code, and the cycles from ``start`` to ``done``."""
    head = (payload + [0xFFFFFFFF] * 6)[:6]  # what a packet lacks is undefined
    values = {"opcode": opcode, "length": len(payload), "head": head}
    ctx.set(dut.packet, values)
    ctx.set(dut.state, state)
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)
    cycles = 1
    while not ctx.get(dut.done):
        await ctx.tick()
        cycles += 1
    code = ctx.get(dut.code)
    await ctx.tick()
    assert not ctx.get(dut.done)
    return code, cycles


def state_of(case: Case) -> dict[str, int]:
    flags = {name: int(opcode != case.unready) for opcode, name in _FLAGS.items()}
    counts = {"weight_count": WEIGHTS, "bias_count": BIASES, "stage_count": STAGES}
    return {**counts, **flags, "outstanding": case.outstanding}


def test_every_limit_is_where_the_documents_say() -> None:
    dut = Decoder(ENGINE)

    async def bench(ctx: Any) -> None:
        for case in limit_cases():
            code, _ = await judge(ctx, dut, case.opcode, case.payload, state_of(case))
            assert code == case.code, case

    simulate(dut, bench)


def test_wrong_payload_lengths_and_unknown_opcodes_are_refused() -> None:
    dut = Decoder(ENGINE)
    state = state_of(Case(Opcode.QUERY, 0, {}))

    async def bench(ctx: Any) -> None:
        for opcode, layout in LAYOUTS.items():
            wrong = set(range(8)) - {layout.words}
            if layout.data:
                wrong = set(range(layout.words))
            for length in wrong:
                code, _ = await judge(ctx, dut, opcode, [0] * length, state)
                assert code == NakCode.LENGTH, (opcode, length)
        for unknown in set(range(256)) - set(Opcode):
            assert (await judge(ctx, dut, unknown, [], state))[0] == NakCode.OPCODE

    simulate(dut, bench)


@pytest.mark.parametrize(
    ("lanes", "outputs", "cycles"), [(1, 1, 4), (16, 16, 19), (0xFFFF, 1, 260), (0xFFFF, 0, 3)]
)
def test_result_count_takes_one_cycle_per_lane(lanes: int, outputs: int, cycles: int) -> None:
    dut = Decoder(ENGINE)
    fields = {"lane_count": lanes, "output_count": outputs, "first_lane": 0, "first_output": 0}
    payload = LAYOUTS[Opcode.READ_RESULTS].pack(**fields, release=0)
    state = state_of(Case(Opcode.READ_RESULTS, 0, {}, outstanding=1))

    async def bench(ctx: Any) -> None:
        code, taken = await judge(ctx, dut, Opcode.READ_RESULTS, payload, state)
        assert taken == cycles
        if not code:
            assert ctx.get(dut.result_count) == lanes * outputs

    simulate(dut, bench)


def test_every_field_comes_from_the_layout() -> None:
    packet = Signal(PacketLayout())
    for opcode, layout in LAYOUTS.items():
        for item in layout.fields:
            assert len(field(packet, opcode, item.name)) == item.width


def test_descriptor_words_are_multiplied_exactly() -> None:
    class Product(wiring.Component):
        i: Any
        o: Any

        def __init__(self) -> None:
            super().__init__({"i": In(8), "o": Out(16)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.d.comb += self.o.eq(times_descriptor_words(self.i))
            m.d.sync += Signal().eq(self.o.any())  # the bench needs a clock
            return m

    dut = Product()

    async def bench(ctx: Any) -> None:
        for value in range(256):
            ctx.set(dut.i, value)
            assert ctx.get(dut.o) == value * DESCRIPTOR_WORDS
            await ctx.tick()

    simulate(dut, bench)
