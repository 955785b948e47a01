from collections import Counter
from functools import cache
from typing import Any

import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.link.core_model import CoreModel
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.packets import (
    IDENTITY_WORDS,
    LAYOUTS,
    MAGIC,
    NAK_OPCODE,
    NakCode,
    Opcode,
    encode_packet,
)
from tests.hw.fake_core import FakeCore, Front, exchange
from tests.hw.word_streams import random_stalls, receive, send, simulate
from tests.packet_scripts import SMALL_ENGINES, STAGE_COUNT, PacketScript

ENGINE = SMALL_ENGINES["8/8"]
Packets = list[list[int]]


def model(engine: EngineParameters, packets: Packets) -> tuple[Packets, CoreModel]:
    endpoint = Endpoint(engine)
    return [endpoint.exchange(packet) for packet in packets], endpoint.core


@cache
def session(name: str, seed: int) -> Packets:
    return PacketScript(SMALL_ENGINES[name], seed).session(120)


def outcomes(responses: Packets) -> Counter[str]:
    """Count the NAK codes, and the opcodes that were accepted."""
    return Counter(
        NakCode(response[1]).name
        if response[0] & 0xFF == NAK_OPCODE
        else Opcode(response[0] & 0x7F).name
        for response in responses
    )


def assert_same_state(core: CoreModel, expected: CoreModel) -> None:
    assert core.program == expected.program
    assert core.weights.tolist() == expected.weights.tolist()
    assert core.biases.tolist() == expected.biases.tolist()
    assert core.lanes.tolist() == expected.lanes.tolist()
    assert core.counters == expected.counters
    assert core.saturations == expected.saturations


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SMALL_ENGINES))
@pytest.mark.parametrize("seed", range(2))
def test_random_packets_get_the_responses_of_the_model(name: str, seed: int) -> None:
    packets, engine = session(name, seed), SMALL_ENGINES[name]
    expected, expected_core = model(engine, packets)
    responses, core = exchange(engine, packets, seed)
    for index, (response, wanted) in enumerate(zip(responses, expected, strict=True)):
        assert response == wanted, f"seed {seed}, packet {index}: {packets[index]}"
    assert_same_state(core, expected_core)


def test_random_packets_show_every_code_and_every_opcode() -> None:
    seen: Counter[str] = Counter()
    for name, engine in SMALL_ENGINES.items():
        for seed in range(2):
            packets = session(name, seed)
            seen += outcomes(model(engine, packets)[0])
    assert set(seen) == {item.name for item in [*NakCode, *Opcode]}


@pytest.mark.slow
def test_stalls_on_both_sides_change_no_response() -> None:
    packets = session("24/16", 1)
    expected, _ = model(SMALL_ENGINES["24/16"], packets)
    responses, _ = exchange(
        SMALL_ENGINES["24/16"], packets, 5, random_stalls(6), random_stalls(7, longest=9)
    )
    assert responses == expected


# Packets that an engine refuses while a query is outstanding.
NOT_WHILE_BUSY: dict[Opcode, dict[str, int]] = {
    Opcode.CONFIGURE: {"weight_count": 1, "bias_count": 1, "stage_count": 1},
    Opcode.WRITE_PROGRAM: {"address": 0, "complete": 0},
    Opcode.WRITE_PARAMETERS: {"address": 0, "bias": 0, "complete": 0, "count": 0},
    Opcode.READ_COUNTERS: {},
    Opcode.READ_SATURATIONS: {"first": 0, "count": 1},
    Opcode.CLEAR_COUNTERS: {},
}


def refusals() -> dict[str, tuple[list[list[int]], NakCode]]:
    """Packets, and the code that the last one of them is refused with; nothing is loaded before."""
    script = PacketScript(ENGINE, 1)
    query = {
        **dict.fromkeys((f.name for f in LAYOUTS[Opcode.QUERY].fields), 0),
        "seed": 1,
        "bits": 1,
        "active_lanes": 1,
        "stop": 1,
    }
    good_query = script.packet(Opcode.QUERY, **query, sequence=199)
    read = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": 1, "release": 0}

    def loaded(packet: list[int]) -> list[list[int]]:
        return [*PacketScript(ENGINE, 1).setup(), packet]

    def queries(count: int) -> list[list[int]]:
        return [
            script.packet(Opcode.QUERY, **query, sequence=200 + index) for index in range(count)
        ]

    def refuse(code: NakCode, *packets: list[int]) -> tuple[list[list[int]], NakCode]:
        return list(packets), code

    cases = {
        "unknown opcode": refuse(NakCode.OPCODE, encode_packet(0x0B, 1)),
        "opcode zero": refuse(NakCode.OPCODE, encode_packet(0, 1)),
        "payload too short": refuse(NakCode.LENGTH, encode_packet(Opcode.QUERY, 1, [0] * 5)),
        "payload too long": refuse(NakCode.LENGTH, encode_packet(Opcode.IDENTIFY, 1, [0])),
        "query before loading": refuse(NakCode.ADDRESS, good_query),
        "query after configuring": refuse(
            NakCode.NOT_READY,
            script.packet(Opcode.CONFIGURE, weight_count=1, bias_count=1, stage_count=1),
            good_query,
        ),
        "fourth query": (loaded(good_query)[:-1] + queries(4), NakCode.BUSY),
        "results of nothing": refuse(NakCode.EMPTY, script.packet(Opcode.READ_RESULTS, **read)),
        "one-hot query of two addresses": (
            loaded(script.packet(Opcode.QUERY, **{**query, "distribution": 3, "bits": 1})),
            NakCode.ADDRESS,
        ),
        "one-hot query of two bits": (
            loaded(script.packet(Opcode.QUERY, **{**query, "distribution": 3, "bits": 2})),
            NakCode.VALUE,
        ),
        "zero seed": (loaded(script.packet(Opcode.QUERY, **{**query, "seed": 0})), NakCode.VALUE),
        "stage past the end": (
            loaded(script.packet(Opcode.QUERY, **{**query, "stop": STAGE_COUNT + 1})),
            NakCode.ADDRESS,
        ),
        "descriptor past the end": (
            loaded(script.packet(Opcode.WRITE_PROGRAM, [0] * 2, address=53, complete=0)),
            NakCode.ADDRESS,
        ),
    }
    for opcode, fields in NOT_WHILE_BUSY.items():
        packets = [*loaded(good_query), script.packet(opcode, **fields, sequence=250)]
        cases[f"{opcode.name} while a query is outstanding"] = packets, NakCode.BUSY
    return cases


def test_model_refuses_with_the_documented_code_and_changes_nothing() -> None:
    for name, (packets, code) in refusals().items():
        before, untouched = model(ENGINE, packets[:-1])
        responses, core = model(ENGINE, packets)
        assert responses[-1][:2] == [NAK_OPCODE | packets[-1][0] & 0xFF00 | 1 << 16, code], name
        assert responses[:-1] == before
        assert_same_state(core, untouched)


@pytest.mark.slow
def test_refusals_one_after_the_other_get_the_responses_of_the_model() -> None:
    packets = [packet for case, _ in refusals().values() for packet in case]
    renumbered = [
        encode_packet(packet[0] & 0xFF, index & 0xFF, packet[1:-1])
        for index, packet in enumerate(packets)
    ]
    responses, core = exchange(ENGINE, renumbered)
    expected, expected_core = model(ENGINE, renumbered)
    assert responses == expected
    assert_same_state(core, expected_core)


def test_repeated_sequence_number_replays_the_response_and_executes_nothing() -> None:
    script = PacketScript(ENGINE, 2)
    write = script.samples(0, 0, 4, 0)
    other = script.samples(0, 0, 4, 0)
    repeated = encode_packet(other[0] & 0xFF, write[0] >> 8 & 0xFF, other[1:-1])
    responses, core = exchange(ENGINE, [write, repeated])
    assert responses[0] == responses[1]
    assert_same_state(core, model(ENGINE, [write])[1])


def test_repeated_refusal_is_refused_again_whatever_it_asks_for() -> None:
    refused = encode_packet(0x0B, 7)
    responses, _ = exchange(ENGINE, [refused, encode_packet(Opcode.READ_COUNTERS, 7)])
    assert responses[0] == responses[1]
    assert responses[0][1] == NakCode.OPCODE


def test_damaged_packet_does_not_replace_the_response_to_replay() -> None:
    counters = encode_packet(Opcode.READ_COUNTERS, 7)
    damaged = [*counters[:-1], counters[-1] ^ 1]
    responses, _ = exchange(ENGINE, [counters, damaged, counters])
    assert responses[0] == responses[2]
    assert responses[1] == encode_packet(NAK_OPCODE, 7, [NakCode.CRC])


def test_identify_is_executed_even_when_it_repeats_a_number() -> None:
    packets = [encode_packet(Opcode.READ_COUNTERS, 7), encode_packet(Opcode.IDENTIFY, 7)]
    responses, _ = exchange(ENGINE, packets)
    assert responses[1][1] == MAGIC


def test_identity_names_every_parameter() -> None:
    engine = EngineParameters(Format(18, 15), Format(14, 11), 5, 3, 100, 77, 33, 9, 12, 6)
    (response,), _ = exchange(engine, [encode_packet(Opcode.IDENTIFY, 0)])
    identity = dict(zip(IDENTITY_WORDS, response[1:-1], strict=True))
    assert identity["activation"] == 18 | 15 << 16
    assert identity["weight"] == 14 | 11 << 16
    assert identity["lanes"] == 5 | 3 << 16
    assert identity["lane_depth"] == 100
    assert identity["banks"] == 77 | 33 << 16
    assert identity["slots"] == 9 | 12 << 16
    assert identity["features"] == 6
    assert identity["digest_low"] | identity["digest_high"] << 32 == engine.digest


def test_query_reaches_the_core_six_cycles_after_the_last_word() -> None:
    front = Front(ENGINE)
    core = FakeCore(ENGINE, front.core, seed=1)
    script = PacketScript(ENGINE, 3)
    waited = []

    async def bench(ctx: Any) -> None:
        for packet in script.setup():
            await send(ctx, front.i, packet)
            await receive(ctx, front.o)
        await send(ctx, front.i, script.query())
        cycles = 1  # the bench goes on in the cycle after the last word
        while not ctx.get(front.core.query.valid):
            await ctx.tick()
            cycles += 1
        waited.append(cycles)

    simulate(front, bench, processes=[core.process])
    assert waited == [6]
