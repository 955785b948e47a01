# amaranth: UnusedElaboratable=no
from typing import Any

import pytest

from tenzo.hw.serial_engine import SerialEngine
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.framing import FrameDecoder, encode_frame
from tenzo.sw.packets import NakCode, Opcode, Packet, decode_packet, encode_packet
from tests.hw.byte_streams import line_levels
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate
from tests.packet_scripts import SMALL_ENGINES

ENGINE = SMALL_ENGINES["8/8"]
IDENTIFY = encode_packet(Opcode.IDENTIFY, 7)


async def say(ctx: Any, dut: SerialEngine, data: bytes, bit_cycles: float) -> None:
    """Put bytes on the line."""
    for level in [*line_levels(data, bit_cycles), 1, 1]:
        ctx.set(dut.rx, level)
        await ctx.tick()


async def hear(ctx: Any, dut: SerialEngine, divisor: int, count: int) -> list[list[int]]:
    """Return the packets on the line, sampled in the middle of each bit."""
    decoder = FrameDecoder()
    packets: list[list[int]] = []
    while len(packets) < count:
        while ctx.get(dut.tx):
            await ctx.tick()
        assert ctx.get(dut.busy)
        await ctx.tick().repeat(divisor // 2)
        byte = 0
        for index in range(8):
            await ctx.tick().repeat(divisor)
            byte |= ctx.get(dut.tx) << index
        await ctx.tick().repeat(divisor)
        assert ctx.get(dut.tx), "no stop bit"
        packets += decoder.feed(bytes([byte]))
    return packets


def converse(
    lines: list[tuple[bytes, int]], divisor: int = 4, bit_cycles: float | None = None
) -> list[list[int]]:
    """Send bytes, each time waiting for so many responses; return them all."""
    dut = SerialEngine(ENGINE, divisor)
    responses = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.rx, 1)
        for data, count in lines:
            await say(ctx, dut, data, bit_cycles or divisor)
            responses.extend(await hear(ctx, dut, divisor, count))
        await ctx.tick().repeat(divisor)
        assert not ctx.get(dut.busy)

    simulate(dut, bench)
    return responses


@pytest.mark.slow
@pytest.mark.parametrize(("divisor", "bit_cycles"), [(4, 4), (5, 4.9), (7, 7.14)])
def test_a_packet_on_the_line_gets_the_response_of_the_model(
    divisor: int, bit_cycles: float
) -> None:
    line = encode_frame(IDENTIFY)
    assert converse([(line, 1)], divisor, bit_cycles) == [Endpoint(ENGINE).exchange(IDENTIFY)]


@pytest.mark.slow
def test_packets_one_after_the_other_are_answered_in_order() -> None:
    packets = [
        encode_packet(Opcode.CONFIGURE, 1, [2 | 2 << 16, 1]),
        encode_packet(Opcode.CONFIGURE, 1, [2 | 2 << 16, 1]),  # repeated: the response again
        encode_packet(0x77, 2),
        encode_packet(Opcode.READ_COUNTERS, 3),
    ]
    endpoint = Endpoint(ENGINE)
    expected = [endpoint.exchange(packet) for packet in packets]
    assert converse([(encode_frame(packet), 1) for packet in packets]) == expected


@pytest.mark.slow
def test_noise_gets_a_refusal_and_the_packet_behind_it_its_response() -> None:
    noise = encode_frame(IDENTIFY)[:-3] + b"\0"
    refusal, response = converse([(noise, 1), (encode_frame(IDENTIFY), 1)])
    refused = decode_packet(refusal)
    assert isinstance(refused, Packet)
    assert refused.payload == (NakCode.CRC,)
    assert response == Endpoint(ENGINE).exchange(IDENTIFY)


@pytest.mark.slow
def test_reset_in_a_packet_forgets_it() -> None:
    dut = SerialEngine(ENGINE, 4)
    design, reset = with_reset(dut)
    responses = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.rx, 1)
        await say(ctx, dut, encode_frame(IDENTIFY)[:-4], 4)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await say(ctx, dut, encode_frame(IDENTIFY), 4)
        responses.extend(await hear(ctx, dut, 4, 1))

    simulate(design, bench)
    assert responses == [Endpoint(ENGINE).exchange(IDENTIFY)]


def test_a_divisor_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="divisor must be at least 4, not 3"):
        SerialEngine(ENGINE, 3)
