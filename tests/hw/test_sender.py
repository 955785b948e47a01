import random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from crccheck.crc import Crc32IsoHdlc

from tenzo.hw.sender import Sender
from tenzo.sw.packets import NAK_OPCODE, NakCode, encode_packet
from tests.hw.word_streams import Stalls, random_stalls, receive, simulate

Response = tuple[int, int, int, list[int]]
"""Opcode, sequence number, NAK code, payload."""


async def respond(ctx: Any, dut: Sender, response: Response, write: bool = True) -> None:
    """Write the payload, present the response, wait until it is sent."""
    opcode, sequence, code, payload = response
    for address, word in enumerate(payload if write else []):
        ctx.set(dut.payload_write, {"valid": 1, "address": address, "data": word})
        await ctx.tick()
    ctx.set(dut.payload_write.valid, 0)
    values = {"opcode": opcode, "sequence": sequence, "length": len(payload), "code": code}
    ctx.set(dut.i.payload, values)
    ctx.set(dut.i.valid, 1)
    await ctx.tick().until(dut.i.ready)
    ctx.set(dut.i.valid, 0)


def run(responses: list[Response], stalls: Stalls | None = None) -> list[list[int]]:
    """Send responses one after the other; return the packets that come out."""
    dut = Sender()
    packets = []

    async def source(ctx: Any) -> None:
        for response in responses:
            await respond(ctx, dut, response)

    async def sink(ctx: Any) -> None:
        for _ in responses:
            packets.append(await receive(ctx, dut.o, stalls))

    simulate(dut, source, sink)
    return packets


def random_responses(seed: int, lengths: list[int]) -> list[Response]:
    generator = random.Random(seed)
    return [
        (
            generator.getrandbits(8),
            generator.getrandbits(8),
            0,
            [generator.getrandbits(32) for _ in range(length)],
        )
        for length in lengths
    ]


def expected(response: Response) -> list[int]:
    opcode, sequence, code, payload = response
    if code:
        return encode_packet(NAK_OPCODE, sequence, [code])
    return encode_packet(opcode, sequence, payload)


def test_response_is_header_payload_and_crc() -> None:
    responses = random_responses(1, [0, 1, 2, 3, 255, 256])
    assert run(responses) == [expected(response) for response in responses]


def test_extreme_words_are_sent() -> None:
    responses = [(0xFF, 0xFF, 0, [word] * 256) for word in (0, 0xFFFFFFFF)]
    assert run(responses) == [expected(response) for response in responses]


@pytest.mark.parametrize("code", list(NakCode))
def test_refusal_carries_its_code_alone(code: NakCode) -> None:
    (packet,) = run([(0x81, 5, code, [])])
    assert packet == encode_packet(NAK_OPCODE, 5, [code])


def test_refusal_leaves_the_payload_for_a_repetition() -> None:
    dut = Sender()
    packets = []
    response: Response = (0x87, 3, 0, [11, 12, 13])

    async def source(ctx: Any) -> None:
        await respond(ctx, dut, response)
        await respond(ctx, dut, (0x87, 4, NakCode.CRC, []))
        await respond(ctx, dut, response, write=False)

    async def sink(ctx: Any) -> None:
        for _ in range(3):
            packets.append(await receive(ctx, dut.o))

    simulate(dut, source, sink)
    assert packets[0] == packets[2] == expected(response)


@pytest.mark.parametrize("seed", range(5))
def test_back_pressure_loses_and_repeats_no_word(seed: int) -> None:
    responses = random_responses(seed, [0, 1, 2, 7, 30])
    packets = run(responses, random_stalls(seed))
    assert packets == [expected(response) for response in responses], f"seed {seed}"


def test_one_word_is_sent_per_cycle_from_two_cycles_after_the_response() -> None:
    dut = Sender()
    (response,) = random_responses(2, [20])
    seen = []

    async def bench(ctx: Any) -> None:
        for address, word in enumerate(response[3]):
            ctx.set(dut.payload_write, {"valid": 1, "address": address, "data": word})
            await ctx.tick()
        ctx.set(dut.payload_write.valid, 0)
        ctx.set(dut.i.payload, {"opcode": response[0], "sequence": response[1], "length": 20})
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        assert not ctx.get(dut.o.valid)
        for _ in range(22):
            await ctx.tick()
            assert ctx.get(dut.o.valid)
            seen.append(ctx.get(dut.o.payload.data))

    simulate(dut, bench)
    assert seen == expected(response)


def test_crc_is_the_one_of_an_independent_library() -> None:
    for packet in run(random_responses(4, list(range(10)))):
        octets = b"".join(word.to_bytes(4, "little") for word in packet[:-1])
        assert packet[-1] == Crc32IsoHdlc.calc(octets)


def test_reset_in_a_response_forgets_it() -> None:
    dut, reset = Sender(), Signal()
    packets = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i.payload, {"opcode": 1, "sequence": 2, "length": 9})
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(4)
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.o.ready, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert not ctx.get(dut.o.valid)
        ctx.set(dut.i.payload, {"opcode": 3, "sequence": 4, "length": 0})
        ctx.set(dut.i.valid, 1)
        packets.append(await receive(ctx, dut.o))

    simulate(ResetInserter(reset)(dut), bench)
    assert packets == [encode_packet(3, 4)]
