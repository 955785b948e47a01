from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal

from tenzo.hw.engine import Engine
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.packets import (
    COUNTER_WORDS,
    LAYOUTS,
    RESPONSE_BIT,
    NakCode,
    Opcode,
    Packet,
    decode_packet,
    encode_packet,
)
from tenzo.sw.program import DESCRIPTOR_WORDS, Stage
from tests.hw.word_streams import Stalls, random_stalls, receive, send, simulate
from tests.packet_scripts import SMALL_ENGINES, PacketScript

Packets = list[list[int]]

_WAITS = slice(COUNTER_WORDS.index("perturb_wait_cycles"), None)
"""Counters that a model without time does not have."""


def exchange(
    engine: EngineParameters,
    packets: Packets,
    send_stalls: Stalls | None = None,
    receive_stalls: Stalls | None = None,
    *,
    compact: bool = False,
) -> Packets:
    """Send packets to an engine; return its responses."""
    dut = Engine(engine, compact=compact)
    responses: Packets = []

    async def source(ctx: Any) -> None:
        for packet in packets:
            await send(ctx, dut.i, packet, send_stalls)

    async def sink(ctx: Any) -> None:
        for _ in packets:
            responses.append(await receive(ctx, dut.o, receive_stalls))

    simulate(dut, source, sink, limit_cycles=200_000)
    return responses


def comparable(response: Sequence[int]) -> Packet | NakCode:
    """Decode a response; leave out the counters of waiting cycles."""
    packet = decode_packet(response)
    if isinstance(packet, Packet) and packet.opcode == Opcode.READ_COUNTERS | RESPONSE_BIT:
        payload = list(packet.payload)
        payload[_WAITS] = []
        return Packet(packet.opcode, packet.sequence, tuple(payload))
    return packet


def work(engine: EngineParameters, seed: int, queries: int) -> Packets:
    """Return packets that load a program, run queries on it, and read all there is to read."""
    script = PacketScript(engine, seed)
    read = {"first_lane": 0, "first_output": 0, "output_count": engine.result_depth, "release": 1}
    packets = [*script.setup(), script.packet(Opcode.CLEAR_COUNTERS)]
    for index in range(queries):
        query = script.query()
        packets.append(query)
        lanes = LAYOUTS[Opcode.QUERY].unpack(query[1:])["active_lanes"]
        if index % 3 == 1:
            packets.append(script.samples(0, 48, 7, 0))
        packets.append(script.packet(Opcode.READ_RESULTS, **read, lane_count=lanes))
    packets.append(script.packet(Opcode.READ_COUNTERS))
    packets.append(script.packet(Opcode.READ_SATURATIONS, first=0, count=engine.stage_slots))
    return packets


def assert_like_model(engine: EngineParameters, packets: Packets, responses: Packets) -> None:
    endpoint = Endpoint(engine)
    for index, packet in enumerate(packets):
        expected = comparable(endpoint.exchange(packet))
        assert comparable(responses[index]) == expected, f"packet {index}: {packet}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "compact"), [*((name, False) for name in SMALL_ENGINES), ("8/8", True)]
)
def test_queries_get_the_results_and_counters_of_the_model(name: str, compact: bool) -> None:
    engine = SMALL_ENGINES[name]
    packets = work(engine, 1, 6)
    assert_like_model(engine, packets, exchange(engine, packets, compact=compact))


@pytest.mark.slow
def test_stalls_and_gaps_change_no_response() -> None:
    engine = SMALL_ENGINES["8/8"]
    packets = work(engine, 2, 4)
    responses = exchange(engine, packets, random_stalls(3), random_stalls(4, longest=9))
    assert_like_model(engine, packets, responses)


@pytest.mark.slow
@pytest.mark.parametrize("compact", [False, True])
def test_three_queries_run_before_any_result_is_read(compact: bool) -> None:
    engine = SMALL_ENGINES["8/8"]
    script = PacketScript(engine, 3)
    queries = [script.query() for _ in range(4)]
    fields = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": 1}
    reads = [script.packet(Opcode.READ_RESULTS, **fields, release=1) for _ in range(4)]
    packets = [*PacketScript(engine, 3).setup(), *queries, *reads]
    packets = [encode_packet(p[0] & 0xFF, i & 0xFF, p[1:-1]) for i, p in enumerate(packets)]
    responses = exchange(engine, packets, compact=compact)
    assert responses[-5][1] == NakCode.BUSY
    assert responses[-1][1] == NakCode.EMPTY
    assert_like_model(engine, packets, responses)


@pytest.mark.slow
def test_configuring_more_parameters_makes_patched_copies_stale() -> None:
    """No parameter is written again, and two pairs of copies lack half of those in use."""
    engine = SMALL_ENGINES["8/8"]
    script, outputs = PacketScript(engine, 5), engine.result_depth
    half, all_of_them = show(script, outputs // 2), show(script, outputs)
    masters = [script.parameters(bias=bias, count=outputs, complete=0) for bias in (0, 1)]
    configure = {"weight_count": outputs, "bias_count": outputs, "stage_count": 1}
    packets = [script.packet(Opcode.CONFIGURE, **configure), *masters, *half, *all_of_them]
    packets = [encode_packet(p[0] & 0xFF, i & 0xFF, p[1:-1]) for i, p in enumerate(packets)]
    assert_like_model(engine, packets, exchange(engine, packets))


def show(script: PacketScript, count: int) -> Packets:
    """Return packets that show so many sums of a weight and a bias, patched several times."""
    rows = (0, 0, 0, 0, 1)
    stage = Stage(
        (1, 1, 1, 1, count, 1),
        0,
        (0,) * 6,
        0,
        (*rows, 0),
        0,
        rows,
        0,
        bias_strides=rows,
        use_bias=True,
        to_results=True,
    )
    read = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": count}
    run = {"sign": 1, "seed": 1, "bits": 1, "epsilon_raw": 9, "entry": 0, "stop": 1}
    packets = [
        script.packet(Opcode.CONFIGURE, weight_count=count, bias_count=count, stage_count=1),
        script.packet(Opcode.WRITE_PROGRAM, list(stage.encode()), address=0, complete=1),
        script.packet(Opcode.WRITE_PARAMETERS, address=0, bias=0, complete=1, count=0),
        script.packet(Opcode.WRITE_SAMPLES, [1], lane=0, address=0, count=1, complete=1),
    ]
    for first in (1, count, count, 2 * count - 1):
        fields = {"distribution": 3, "first": first, "last": first + 1, "sample_base": 0}
        packets.append(script.packet(Opcode.QUERY, **run, **fields, active_lanes=1))
        packets.append(script.packet(Opcode.READ_RESULTS, **read, release=1))
    return packets


@pytest.mark.slow
def test_reset_clears_configuration_and_valid_flags() -> None:
    engine = SMALL_ENGINES["8/8"]
    dut, reset = Engine(engine), Signal()
    responses: Packets = []
    script = PacketScript(engine, 4)
    query = script.query()

    async def bench(ctx: Any) -> None:
        for packet in [*script.setup(), script.query()]:
            await send(ctx, dut.i, packet)
            assert (await receive(ctx, dut.o))[0] & RESPONSE_BIT
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        for packet in (query, encode_packet(Opcode.READ_COUNTERS, 99)):
            await send(ctx, dut.i, packet)
            responses.append(await receive(ctx, dut.o))

    simulate(ResetInserter(reset)(dut), bench)
    assert responses == [
        Endpoint(engine).exchange(query),
        *[Endpoint(engine).exchange(encode_packet(Opcode.READ_COUNTERS, 99))],
    ]


def saturate(script: PacketScript, slot: int) -> Packets:
    """Return packets that run one stage, in a slot, which saturates once."""
    none = (0, 0, 0, 0, 0, 0)
    stage = Stage((1, 1, 1, 1, 1, 1), 0, none, 0, none, 32, none[:5], 0)
    at, one = {"address": slot * DESCRIPTOR_WORDS}, {"address": 0, "count": 1, "complete": 1}
    run = {"entry": slot, "stop": slot + 1, "active_lanes": 1, "seed": 1, "bits": 1}
    rest = ("distribution", "sign", "epsilon_raw", "first", "last", "sample_base")
    read = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": 1, "release": 1}
    return [
        script.packet(Opcode.CONFIGURE, weight_count=1, bias_count=0, stage_count=slot + 1),
        script.packet(Opcode.WRITE_PROGRAM, list(stage.encode()), **at, complete=1),
        script.packet(Opcode.WRITE_PARAMETERS, [0x80], **one, bias=0),
        script.packet(Opcode.WRITE_SAMPLES, [0x80], **one, lane=0),
        script.packet(Opcode.QUERY, **run, **dict.fromkeys(rest, 0)),
        script.packet(Opcode.READ_RESULTS, **read),
    ]


@pytest.mark.slow
def test_saturations_read_right_after_reset_are_zero() -> None:
    engine = EngineParameters(
        Format(8, 5), Format(8, 6), 1, 1, 64, 32, 16, stage_slots=255, result_depth=8
    )
    dut, reset, slot = Engine(engine), Signal(), engine.stage_slots - 1
    script = PacketScript(engine, 5)
    packets = saturate(script, slot)
    read = script.packet(Opcode.READ_SATURATIONS, first=slot, count=1)
    responses: Packets = []

    async def bench(ctx: Any) -> None:
        for packet in [*packets, read]:
            await send(ctx, dut.i, packet)
            responses.append(await receive(ctx, dut.o))
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await send(ctx, dut.i, read)
        responses.append(await receive(ctx, dut.o))

    simulate(ResetInserter(reset)(dut), bench)
    assert [response[1] for response in responses[-2:]] == [1, 0]
