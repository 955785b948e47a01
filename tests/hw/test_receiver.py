import random
from typing import Any

from amaranth.hdl import ResetInserter, Signal
from crccheck.crc import Crc32IsoHdlc

from tenzo.hw.receiver import Receiver
from tenzo.sw.packets import FIXED_WORDS, NakCode, crc32, decode_packet, encode_packet
from tests.hw.word_streams import Stalls, random_stalls, send, simulate

Received = dict[str, Any]


async def take(ctx: Any, dut: Receiver, payload_words: bool = True) -> Received:
    """Wait for a packet, read its payload from the memory, accept it."""
    await ctx.tick().until(dut.o.valid)
    packet = dut.o.payload
    received: Received = {
        name: ctx.get(packet[name]) for name in ("opcode", "sequence", "length", "code")
    }
    received["head"] = [ctx.get(packet.head[index]) for index in range(FIXED_WORDS)]
    received["payload"] = []
    for index in range(received["length"] if payload_words else 0):
        ctx.set(dut.payload_address, index)
        await ctx.tick()
        received["payload"].append(ctx.get(dut.payload_data))
    ctx.set(dut.o.ready, 1)
    await ctx.tick()
    ctx.set(dut.o.ready, 0)
    return received


def run(packets: list[list[int]], stalls: Stalls | None = None) -> list[Received]:
    """Send packets one after the other; return what came out."""
    dut = Receiver()
    received = []

    async def source(ctx: Any) -> None:
        for packet in packets:
            await send(ctx, dut.i, packet, stalls)

    async def sink(ctx: Any) -> None:
        for packet in packets:
            good = not isinstance(decode_packet(packet), NakCode)
            received.append(await take(ctx, dut, payload_words=good))

    simulate(dut, source, sink)
    return received


def random_payload(seed: int, length: int) -> list[int]:
    generator = random.Random(seed)
    return [generator.getrandbits(32) for _ in range(length)]


def test_packet_arrives_with_header_head_and_payload() -> None:
    payloads = [random_payload(length, length) for length in (0, 1, 2, 5, 6, 7, 255, 256)]
    packets = [encode_packet(0x35 + len(payload) % 7, 0xA7, payload) for payload in payloads]
    for payload, received in zip(payloads, run(packets), strict=True):
        assert received["opcode"] == 0x35 + len(payload) % 7
        assert received["sequence"] == 0xA7
        assert received["length"] == len(payload)
        assert received["code"] == 0
        assert received["head"][: min(len(payload), FIXED_WORDS)] == payload[:FIXED_WORDS]
        assert received["payload"] == payload


def test_extreme_words_arrive() -> None:
    zeros, ones = run([encode_packet(0xFF, 0xFF, [word] * 256) for word in (0, 0xFFFFFFFF)])
    assert zeros["payload"] == [0] * 256
    assert ones["payload"] == [0xFFFFFFFF] * 256


def test_gaps_change_nothing() -> None:
    packets = [encode_packet(1, seed, random_payload(seed, 10)) for seed in range(5)]
    assert run(packets, random_stalls(3)) == run(packets)


def test_packet_appears_two_cycles_after_its_last_word() -> None:
    dut = Receiver()
    valid = []

    async def bench(ctx: Any) -> None:
        await send(ctx, dut.i, encode_packet(1, 2))
        for _ in range(3):
            valid.append(ctx.get(dut.o.valid))
            await ctx.tick()

    simulate(dut, bench)
    assert valid == [0, 1, 1]


def test_one_word_is_accepted_per_cycle() -> None:
    dut = Receiver()
    packet = encode_packet(1, 2, random_payload(1, 256))

    async def bench(ctx: Any) -> None:
        for index, word in enumerate(packet):
            ctx.set(dut.i.payload.data, word)
            ctx.set(dut.i.payload.last, index == len(packet) - 1)
            ctx.set(dut.i.valid, 1)
            assert ctx.get(dut.i.ready)
            await ctx.tick()
        assert not ctx.get(dut.i.ready)

    simulate(dut, bench)


def test_no_word_is_accepted_while_a_packet_waits() -> None:
    dut = Receiver()

    async def bench(ctx: Any) -> None:
        await send(ctx, dut.i, encode_packet(1, 2, [7]))
        ctx.set(dut.i.valid, 1)
        for _ in range(10):
            assert not ctx.get(dut.i.ready)
            await ctx.tick()
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        assert ctx.get(dut.i.ready)
        assert not ctx.get(dut.o.valid)

    simulate(dut, bench)


def damaged_packets() -> dict[str, list[int]]:
    """Packets that must not be executed, by what is wrong with them."""
    good = encode_packet(3, 9, [1, 2, 3])
    payload = random_payload(5, 700)
    header = 3 | 9 << 8

    def framed(words: list[int]) -> list[int]:
        return [*words, crc32(words)]

    return {
        "crc": [*good[:-1], good[-1] ^ 1 << 31],
        "header": [good[0] ^ 1, *good[1:]],
        "payload": [*good[:2], good[2] ^ 0x10000, *good[3:]],
        "truncated": good[:-1],
        "header only": good[:1],
        "crc of nothing": [0],
        "noise": payload[:20],
        "two merged": [*good, *good],
        "count too small": framed([header | 2 << 16, 1, 2, 3]),
        "count too large": framed([header | 4 << 16, 1, 2, 3]),
        "count huge": framed([header | 0xFFFF << 16, 1, 2, 3]),
        "257 words": framed([header | 257 << 16, *payload[:257]]),
        "512 words": framed([header | 512 << 16, *payload[:512]]),
        "509 words": framed([header | 509 << 16, *payload[:509]]),
        "700 words": framed([header | 188 << 16, *payload]),
        "too long, noise": payload,
    }


def test_damaged_packet_gets_the_code_of_the_model_and_the_next_packet_works() -> None:
    packets = damaged_packets()
    good = encode_packet(1, 4, [5, 6])
    received = run([each for packet in packets.values() for each in (packet, good)])
    for index, (name, packet) in enumerate(packets.items()):
        damaged, following = received[2 * index : 2 * index + 2]
        assert damaged["code"] == decode_packet(packet), name
        assert damaged["sequence"] == packet[0] >> 8 & 0xFF, name
        assert (following["code"], following["payload"]) == (0, [5, 6]), name


def test_damaged_packets_show_both_codes() -> None:
    codes = {decode_packet(packet) for packet in damaged_packets().values()}
    assert codes == {NakCode.CRC, NakCode.LENGTH}


def test_every_single_bit_error_is_found() -> None:
    good = encode_packet(2, 8, [0x12345678])
    flipped = [
        [word ^ (1 << bit if at == index else 0) for at, word in enumerate(good)]
        for index in range(len(good))
        for bit in range(32)
    ]
    assert [received["code"] for received in run(flipped)] == [NakCode.CRC] * len(flipped)


def test_crc_is_the_one_of_an_independent_library() -> None:
    packets = []
    for seed in range(20):
        words = [1 | seed << 8 | seed << 16, *random_payload(seed, seed)]
        octets = b"".join(word.to_bytes(4, "little") for word in words)
        packets.append([*words, Crc32IsoHdlc.calc(octets)])
    assert [received["code"] for received in run(packets)] == [0] * 20


def test_reset_in_a_packet_forgets_it() -> None:
    dut, reset = Receiver(), Signal()
    received = []

    async def bench(ctx: Any) -> None:
        partial = encode_packet(1, 2, [3, 4, 5])[:3]
        for word in partial:
            ctx.set(dut.i.payload.data, word)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await send(ctx, dut.i, encode_packet(6, 7, [8]))
        received.append(await take(ctx, dut))

    simulate(ResetInserter(reset)(dut), bench)
    assert (received[0]["opcode"], received[0]["code"], received[0]["payload"]) == (6, 0, [8])
