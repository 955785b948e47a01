from __future__ import annotations

import itertools
import random
import struct

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.link.framing import FULL_BLOCK_BYTES, FrameDecoder, encode_frame, frame_bytes
from tenzo.sw.packets import MAX_PAYLOAD_WORDS, NakCode, decode_packet, encode_packet

# Words of few values, so that zeros are as frequent as long runs without any.
WORDS = st.lists(
    st.one_of(st.sampled_from([0, 1, 0x100, 0x01010101, 0xFFFFFFFF]), st.integers(0, 2**32 - 1)),
    min_size=1,
    max_size=300,
)


def octets(words: list[int]) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


def decode(data: bytes) -> list[list[int]]:
    return FrameDecoder().feed(data)


@given(WORDS)
def test_frame_is_that_of_an_independent_library(words: list[int]) -> None:
    assert encode_frame(words) == cobs.encode(octets(words)) + b"\0"


@pytest.mark.parametrize("zeros", [(), (0,), (-1,), (0, -1), (253,), (254,), (255,), (507, 508)])
@pytest.mark.parametrize("count", [63, 64, 127, 128, 190, 191, 258])
def test_blocks_end_as_in_the_independent_library(count: int, zeros: tuple[int, ...]) -> None:
    """The lengths, and the places of zeros, at which full blocks end with the data or a zero."""
    data = bytearray(b"\x55" * (4 * count))
    for place in zeros:
        if place < len(data):
            data[place] = 0
    words = list(struct.unpack(f"<{count}I", data))
    frame = encode_frame(words)
    assert frame == cobs.encode(bytes(data)) + b"\0"
    assert decode(frame) == [words]


def test_data_that_end_with_a_full_block_have_no_empty_block_behind_it() -> None:
    words = [0x11111111] * 127  # 2 * 254 bytes
    assert len(encode_frame(words)) == 2 * (FULL_BLOCK_BYTES + 1) + 1
    assert encode_frame(words) == cobs.encode(octets(words)) + b"\0"


@given(st.lists(WORDS, max_size=5), st.data())
def test_packets_return_however_the_bytes_are_cut(packets: list[list[int]], data) -> None:
    line = b"".join(map(encode_frame, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=8)))
    decoder = FrameDecoder()
    pieces = [line[a:b] for a, b in itertools.pairwise([0, *cuts, len(line)])]
    assert [packet for piece in pieces for packet in decoder.feed(piece)] == packets


def test_one_byte_at_a_time_is_as_good_as_all_at_once() -> None:
    packets = [encode_packet(1, n, range(n)) for n in (0, 3, 256)]
    decoder = FrameDecoder()
    line = b"".join(map(encode_frame, packets))
    got = [packet for byte in line for packet in decoder.feed(bytes([byte]))]
    assert got == packets


@given(WORDS)
def test_no_zero_is_inside_a_frame_and_no_frame_is_longer_than_stated(words: list[int]) -> None:
    frame = encode_frame(words)
    assert frame.index(0) == len(frame) - 1
    assert len(frame) <= frame_bytes(len(words))


def test_the_longest_frame_has_the_stated_length() -> None:
    words = [0x01010101] * (MAX_PAYLOAD_WORDS + 2)
    assert len(encode_frame(words)) == frame_bytes(len(words)) == 1038


def test_zeros_between_frames_are_ignored() -> None:
    frame = encode_frame([1, 2])
    assert decode(b"\0\0" + frame + b"\0\0\0" + frame + b"\0") == [[1, 2], [1, 2]]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_frame_without_a_whole_word_is_ignored(count: int) -> None:
    assert decode(cobs.encode(b"\x07" * count) + b"\0" + encode_frame([5])) == [[5]]


@pytest.mark.parametrize("odd", [1, 2, 3])
@pytest.mark.parametrize("byte", [0, 9])
def test_odd_bytes_at_the_end_are_dropped(odd: int, byte: int) -> None:
    data = octets([3, 4]) + bytes([byte]) * odd
    assert decode(cobs.encode(data) + b"\0") == [[3, 4]]


def test_a_truncated_block_ends_with_the_frame() -> None:
    whole = bytes(range(1, 9))
    assert decode(bytes([200]) + whole + b"\0") == [list(struct.unpack("<2I", whole))]
    assert decode(bytes([200]) + whole + b"\x01\x02\0") == [list(struct.unpack("<2I", whole))]
    assert decode(b"\x07\0" + encode_frame([1])) == [[1]]


def test_a_full_block_stands_for_no_zero() -> None:
    data = bytes([255]) + b"\x11" * 254 + bytes([3]) + b"\x22" * 2
    expected = struct.unpack("<64I", b"\x11" * 254 + b"\x22" * 2)
    assert decode(data + b"\0") == [list(expected)]


def test_an_empty_block_behind_a_full_one_is_accepted() -> None:
    """Some encoders write it."""
    data = bytes([255]) + b"\x11" * 254
    assert decode(data + b"\x01\0") == decode(data + b"\0")


@given(st.binary(max_size=600))
def test_any_bytes_are_taken_and_the_frame_behind_them_is_whole(noise: bytes) -> None:
    assert decode(noise + b"\0" + encode_frame([7, 8]))[-1] == [7, 8]


@given(st.binary(min_size=1, max_size=600))
def test_whole_frames_hold_what_the_independent_library_finds(noise: bytes) -> None:
    for frame in noise.split(b"\0")[:-1]:
        try:
            data = cobs.decode(frame)
        except cobs.DecodeError:
            continue
        count = len(data) // 4
        expected = [list(struct.unpack_from(f"<{count}I", data))] if count else []
        assert decode(frame + b"\0") == expected


def damaged(line: bytes, generator: random.Random) -> bytes:
    """Flip a bit of a byte, drop it, repeat it, or put another one in front of it."""
    place = generator.randrange(len(line))
    byte = line[place]
    flipped = byte ^ 1 << generator.randrange(8)
    changed = (
        bytes([flipped]),
        b"",
        bytes([byte, byte]),
        bytes([generator.randrange(256), byte]),
    )
    return line[:place] + generator.choice(changed) + line[place + 1 :]


@pytest.mark.parametrize("seed", range(10))
def test_one_damaged_byte_costs_the_packets_beside_it_and_no_other(seed: int) -> None:
    generator = random.Random(seed)
    packets = [encode_packet(2, n, [generator.getrandbits(32)] * n) for n in range(9)]
    frames = [encode_frame(packet) for packet in packets]
    frames[4] = damaged(frames[4], generator)
    got = decode(b"".join(frames))
    good = [packet for packet in got if not isinstance(decode_packet(packet), NakCode)]
    assert good[:4] == packets[:4]
    assert good[-3:] == packets[-3:]
    assert all(packet in packets for packet in good)
