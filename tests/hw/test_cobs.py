import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs

from tenzo.hw.cobs import FrameDecoder, FrameEncoder
from tenzo.hw.netlist import component_verilog
from tenzo.sw.link import framing
from tenzo.sw.packets import encode_packet
from tests.hw.byte_streams import receive_bytes, send_bytes
from tests.hw.resettable import with_reset
from tests.hw.stated_resources import assert_as_stated
from tests.hw.synthesis import ecp5_cells
from tests.hw.word_streams import Stalls, random_stalls, receive, send, simulate

Packets = list[list[int]]


def random_words(seed: int, count: int) -> list[int]:
    """Words whose bytes are zero one time in eight, or never, or mostly."""
    generator = random.Random(seed)
    zeros = generator.choice([0, 1 / 8, 7 / 8])
    data = bytes(
        0 if generator.random() < zeros else generator.randint(1, 255) for _ in range(4 * count)
    )
    return list(struct.unpack(f"<{count}I", data))


def with_zeros(count: int, zeros: Sequence[int]) -> list[int]:
    """Words whose bytes are all 0x55 but for zeros at some places."""
    data = bytearray(b"\x55" * (4 * count))
    for place in zeros:
        data[place] = 0
    return list(struct.unpack(f"<{count}I", data))


PACKETS: dict[str, Packets] = {
    "one word": [[0x12345678]],
    "zeros and ones": [[0], [0xFFFFFFFF], [0] * 5, [0xFFFFFFFF] * 5],
    "random": [random_words(seed, 1 + seed * 7 % 30) for seed in range(8)],
    "full blocks": [with_zeros(count, []) for count in (64, 127)],
    "zeros beside full blocks": [with_zeros(65, [place]) for place in (253, 254, 255)],
    "data ending with a zero": [with_zeros(64, [255]), with_zeros(2, [7]), with_zeros(2, [6, 7])],
    "largest packet": [encode_packet(5, 1, [0x01010101] * 256)],
}

NOISE: dict[str, bytes] = {
    "zeros": b"\0\0\0" + framing.encode_frame([1]) + b"\0\0",
    "frames without a word": b"\1\0" + b"\4abc\0" + framing.encode_frame([2]),
    "odd bytes": b"".join(cobs.encode(b"\7" * count) + b"\0" for count in range(1, 14)),
    "odd zeros": b"".join(cobs.encode(b"\7" * 4 + b"\0" * count) + b"\0" for count in range(9)),
    "truncated blocks": b"\xc8abcdefgh\0" + b"\xc8abcdefghi\0" + b"\5\0\5a\0",
    "empty block behind a full one": b"\xff" + b"\x11" * 254 + b"\1\0",
    "block behind a full one": b"\xff" + b"\x11" * 254 + b"\3\x22\x22\0",
    "code 255 in short": b"\xff" + b"\x11" * 10 + b"\0" + framing.encode_frame([3]),
    "anything": random.Random(1).randbytes(500) + b"\0",
    "many zeros": bytes(random.Random(2).choice([0, 1, 2, 3, 9]) for _ in range(500)) + b"\0",
}


def encode(packets: Packets, sent: Stalls | None = None, taken: Stalls | None = None) -> bytes:
    """What the encoder makes of packets."""
    dut = FrameEncoder()
    expected = b"".join(map(framing.encode_frame, packets))
    got = bytearray()

    async def source(ctx: Any) -> None:
        for packet in packets:
            await send(ctx, dut.i, packet, sent)

    async def sink(ctx: Any) -> None:
        got.extend(await receive_bytes(ctx, dut.o, len(expected), taken))
        await ctx.tick().repeat(20)
        assert not ctx.get(dut.o.valid)
        assert not ctx.get(dut.busy)

    simulate(dut, source, sink)
    return bytes(got)


def decode(data: bytes, sent: Stalls | None = None, taken: Stalls | None = None) -> Packets:
    """What the decoder makes of bytes."""
    dut = FrameDecoder()
    packets: Packets = []
    count = len(framing.FrameDecoder().feed(data))

    async def source(ctx: Any) -> None:
        await send_bytes(ctx, dut.i, data, sent)

    async def sink(ctx: Any) -> None:
        for _ in range(count):
            packets.append(await receive(ctx, dut.o, taken))
        await ctx.tick().repeat(20)
        assert not ctx.get(dut.o.valid)

    simulate(dut, source, sink)
    return packets


@pytest.mark.parametrize("name", PACKETS)
def test_frames_are_those_of_the_twin(name: str) -> None:
    assert encode(PACKETS[name]) == b"".join(map(framing.encode_frame, PACKETS[name]))


@pytest.mark.parametrize("name", PACKETS)
def test_packets_return_from_their_frames(name: str) -> None:
    assert decode(b"".join(map(framing.encode_frame, PACKETS[name]))) == PACKETS[name]


@pytest.mark.parametrize("name", NOISE)
def test_any_bytes_make_the_packets_of_the_twin(name: str) -> None:
    assert decode(NOISE[name]) == framing.FrameDecoder().feed(NOISE[name])


def test_gaps_and_stalls_change_no_frame() -> None:
    packets = [*PACKETS["random"], *PACKETS["zeros beside full blocks"]]
    frames = b"".join(map(framing.encode_frame, packets))
    assert encode(packets, random_stalls(1)) == frames
    assert encode(packets, None, random_stalls(2)) == frames
    assert encode(packets, random_stalls(3), random_stalls(4)) == frames


def test_gaps_and_stalls_change_no_packet() -> None:
    for name in ("odd zeros", "many zeros"):
        expected = framing.FrameDecoder().feed(NOISE[name])
        assert decode(NOISE[name], random_stalls(1)) == expected
        assert decode(NOISE[name], None, random_stalls(2, 9)) == expected
        assert decode(NOISE[name], random_stalls(3), random_stalls(4)) == expected


def test_one_byte_is_decoded_per_cycle() -> None:
    dut = FrameDecoder()

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        for byte in framing.encode_frame(random_words(3, 258)):
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            assert ctx.get(dut.i.ready)
            await ctx.tick()

    simulate(dut, bench)


def test_a_word_appears_with_the_last_byte_of_the_next_and_with_the_end() -> None:
    dut = FrameDecoder()
    valid = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        for byte in b"\x09abcdefgh\0":
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            valid.append(ctx.get(dut.o.valid))
            await ctx.tick()

    simulate(dut, bench)
    assert valid == [0] * 8 + [1, 1]


def test_a_byte_waits_until_its_word_is_taken() -> None:
    dut = FrameDecoder()

    async def bench(ctx: Any) -> None:
        await send_bytes(ctx, dut.i, b"\x05abcd")
        ctx.set(dut.i.payload, 0)
        ctx.set(dut.i.valid, 1)
        for _ in range(10):
            assert (ctx.get(dut.o.valid), ctx.get(dut.i.ready)) == (1, 0)
            await ctx.tick()
        ctx.set(dut.o.ready, 1)
        assert ctx.get(dut.i.ready)
        await ctx.tick()
        ctx.set(dut.i.valid, 0)
        assert not ctx.get(dut.o.valid)

    simulate(dut, bench)


async def cycles_of(ctx: Any, dut: FrameEncoder, packet: list[int]) -> list[int]:
    """Cycles, from the first byte read on, in which bytes of the frame appear."""
    word = cycle = 0
    appeared: list[int] = []
    ctx.set(dut.o.ready, 1)
    while len(appeared) < len(framing.encode_frame(packet)):
        ctx.set(dut.i.valid, word < len(packet))
        if word < len(packet):
            ctx.set(dut.i.payload, {"data": packet[word], "last": word == len(packet) - 1})
        word += ctx.get(dut.i.ready & dut.i.valid)
        if ctx.get(dut.o.valid):
            appeared.append(cycle)
        await ctx.tick()
        cycle += 1
    return appeared


@pytest.mark.parametrize(
    ("packet", "cycles"),
    [
        ([0x44332211], [4, 5, 6, 7, 8, 9]),
        ([0x44330011], [2, 3, 6, 7, 8, 9]),  # two bytes read, two sent, two read
        ([0x00332211], [4, 5, 6, 7, 8, 9]),  # the zero is read too; an empty block is sent
    ],
)
def test_blocks_are_read_and_sent_when_the_docstring_says(
    packet: list[int], cycles: list[int]
) -> None:
    dut = FrameEncoder()
    found = []

    async def bench(ctx: Any) -> None:
        found.append(await cycles_of(ctx, dut, packet))

    simulate(dut, bench)
    assert found == [cycles]


@pytest.mark.parametrize("word", [0, 0x01010101])
def test_the_largest_packet_takes_the_stated_cycles(word: int) -> None:
    dut = FrameEncoder()
    found = []

    async def bench(ctx: Any) -> None:
        found.append(await cycles_of(ctx, dut, [word] * 258))

    simulate(dut, bench)
    assert found[0][-1] + 1 == 4 * 258 + len(framing.encode_frame([word] * 258))
    assert "2,070 cycles" in (FrameEncoder.__doc__ or "")
    assert found[0][-1] + 1 <= 2070


def test_reset_in_a_frame_forgets_what_was_decoded() -> None:
    dut = FrameDecoder()
    design, reset = with_reset(dut)
    got = []

    async def source(ctx: Any) -> None:
        await send_bytes(ctx, dut.i, b"\x20abcdef")
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await send_bytes(ctx, dut.i, framing.encode_frame([0x31, 0x32]))

    async def sink(ctx: Any) -> None:
        got.append(await receive(ctx, dut.o))

    simulate(design, source, sink)
    assert got == [[0x31, 0x32]]


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_reset_in_a_frame_forgets_what_was_read(sent: int) -> None:
    dut = FrameEncoder()
    design, reset = with_reset(dut)
    packet = [0x34333231]
    frame = framing.encode_frame(packet)
    got = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload.data, 0x44330011)
        await ctx.tick().repeat(3)
        await receive_bytes(ctx, dut.o, sent)
        ctx.set(reset, 1)
        ctx.set(dut.i.valid, 0)
        await ctx.tick()
        ctx.set(reset, 0)
        await send(ctx, dut.i, packet)
        got.append(await receive_bytes(ctx, dut.o, len(frame)))

    simulate(design, bench)
    assert got == [frame]


@pytest.mark.slow
@pytest.mark.parametrize("component", [FrameDecoder, FrameEncoder])
def test_it_takes_no_more_than_its_docstring_says(component: type, tmp_path: Path) -> None:
    cells = ecp5_cells(component_verilog(component(), "top"), tmp_path)
    assert_as_stated(component, cells)
    assert cells.get("DP16KD", 0) == (component is FrameEncoder)
