from pathlib import Path
from typing import Any

import pytest

from tenzo.hw.interface import PacketLayout, ResponseLayout
from tenzo.hw.link import Link
from tenzo.hw.netlist import component_verilog
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import MAX_PAYLOAD_WORDS, crc32, encode_packet
from tests.hw.fake_core import Front
from tests.hw.synthesis import ecp5_cells
from tests.hw.word_streams import receive, send, simulate


def test_words_of_a_packet_return_as_words_of_a_response() -> None:
    dut = Link()
    payload = [5, 6, 7]
    echoed = []

    async def source(ctx: Any) -> None:
        await send(ctx, dut.i, encode_packet(1, 2, payload))

    async def echo(ctx: Any) -> None:
        await ctx.tick().until(dut.packet.valid)
        packet = dut.packet.payload
        for index in range(ctx.get(packet.length)):
            word = ctx.get(packet.head[index])
            ctx.set(dut.response_write, {"valid": 1, "address": index, "data": word})
            await ctx.tick()
        ctx.set(dut.response_write.valid, 0)
        values = {name: ctx.get(packet[name]) for name in ("opcode", "sequence", "length", "code")}
        ctx.set(dut.response.payload, values)
        ctx.set(dut.response.valid, 1)
        await ctx.tick().until(dut.response.ready)

    async def sink(ctx: Any) -> None:
        echoed.append(await receive(ctx, dut.o))

    simulate(dut, source, echo, sink)
    assert echoed == [encode_packet(1, 2, payload)]


def test_lengths_of_packets_and_responses_hold_the_largest_payload() -> None:
    for layout in (PacketLayout(), ResponseLayout()):
        assert layout["length"].width == MAX_PAYLOAD_WORDS.bit_length()


def test_largest_packet_has_room_in_the_header() -> None:
    packet = encode_packet(1, 2, [0] * MAX_PAYLOAD_WORDS)
    assert packet[0] >> 16 == MAX_PAYLOAD_WORDS
    assert packet[-1] == crc32(packet[:-1])


@pytest.mark.slow
def test_link_takes_the_stated_resources(tmp_path: Path) -> None:
    cells = ecp5_cells(component_verilog(Link(), "link"), tmp_path)
    assert cells["DP16KD"] == 2
    assert 950 <= cells["LUT4"] <= 1400
    assert 300 <= cells["TRELLIS_FF"] <= 400


@pytest.mark.slow
def test_link_and_controller_take_the_stated_resources(tmp_path: Path) -> None:
    cells = ecp5_cells(component_verilog(Front(EngineParameters()), "front"), tmp_path)
    assert cells["DP16KD"] == 2
    assert 1500 <= cells["LUT4"] <= 2000
    assert 550 <= cells["TRELLIS_FF"] <= 700
    assert "MULT18X18D" not in cells
