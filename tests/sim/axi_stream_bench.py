"""cocotb tests of an engine behind AXI4-Stream."""

from __future__ import annotations

import cocotb
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject
from cocotb.triggers import FallingEdge, RisingEdge, Timer, with_timeout

from tenzo.sw.link.identity import identity_words
from tenzo.sw.packets import RESPONSE_BIT, Opcode, Packet, decode_packet
from tests.sim.axi_stream_bus import Sink, Source, obey
from tests.sim.axi_stream_case import ENGINE, expected, identify_packet, packets

PERIOD_NS = 10
LIMIT_NS = 1_000_000


async def begin(dut: HierarchyObject, idle: float) -> tuple[Source, Sink]:
    """Start clock, both sides of the bus and the watch over both; reset is low."""
    source, sink = Source(dut, "s_axis", idle, 1), Sink(dut, "m_axis", idle, 2)
    dut.aresetn.value = 0  # type: ignore[attr-defined]
    Clock(source.clock, PERIOD_NS, unit="ns").start()
    for task in (source.run(), sink.run(), obey(source), obey(sink)):
        cocotb.start_soon(task)
    for _ in range(4):
        await RisingEdge(source.clock)
    return source, sink


async def response(sink: Sink) -> Packet:
    """Return the next response, which must be undamaged and none of a refused packet."""
    packet = decode_packet(await with_timeout(sink.packet(), LIMIT_NS, "ns"))
    assert isinstance(packet, Packet)
    assert packet.opcode & RESPONSE_BIT and packet.opcode != 0xFF, packet
    return packet


async def loads_and_evaluates(dut: HierarchyObject, idle: float) -> None:
    source, sink = await begin(dut, idle)
    dut.aresetn.value = 1  # type: ignore[attr-defined]
    asked = packets()
    source.offer([identify_packet(), *(packet for packet, _ in asked)])
    identity = await response(sink)
    assert identity.opcode == Opcode.IDENTIFY | RESPONSE_BIT
    assert list(identity.payload) == identity_words(ENGINE)
    answers = [(await response(sink), reads) for _, reads in asked]
    assert [list(answer.payload) for answer, reads in answers if reads] == expected()


@cocotb.test()
async def results_are_goldens_at_full_speed(dut: HierarchyObject) -> None:
    await loads_and_evaluates(dut, 0.0)


@cocotb.test()
async def results_are_goldens_with_gaps_and_back_pressure(dut: HierarchyObject) -> None:
    await loads_and_evaluates(dut, 0.6)


@cocotb.test()
async def reset_may_come_and_go_at_any_time(dut: HierarchyObject) -> None:
    """In the middle of a response, between two edges; a word offered meanwhile is not lost."""
    source, sink = await begin(dut, 0.5)
    for picoseconds in (100, 2600, 5100, 7600, 9900):
        dut.aresetn.value = 1  # type: ignore[attr-defined]
        source.offer([identify_packet()])
        await with_timeout(sink.words.get(), LIMIT_NS, "ns")
        await Timer(picoseconds, "ps")
        dut.aresetn.value = 0  # type: ignore[attr-defined]
        await Timer(1, "ps")
        assert not sink.high(sink.valid)
        assert not source.high(source.ready)
        for _ in range(20):
            await FallingEdge(sink.clock)
        while not sink.words.empty():
            sink.words.get_nowait()
        source.offer([identify_packet()])
        for _ in range(20):
            await FallingEdge(sink.clock)
        await Timer(picoseconds, "ps")
        dut.aresetn.value = 1  # type: ignore[attr-defined]
        answer = await response(sink)
        assert list(answer.payload) == identity_words(ENGINE)
