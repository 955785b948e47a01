import random

import pytest
from crccheck.crc import Crc32IsoHdlc

from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.identity import identity_words
from tenzo.sw.packets import (
    FIXED_WORDS,
    IDENTITY_WORDS,
    LAYOUTS,
    MAGIC,
    MAX_PAYLOAD_WORDS,
    NakCode,
    Opcode,
    Packet,
    crc32,
    data_words,
    decode_packet,
    encode_packet,
    pack_values,
    unpack_values,
)


def test_crc_is_the_one_of_an_independent_library() -> None:
    generator = random.Random(1)
    for length in range(40):
        words = [generator.getrandbits(32) for _ in range(length)]
        octets = b"".join(word.to_bytes(4, "little") for word in words)
        assert crc32(words) == Crc32IsoHdlc.calc(octets)


def test_crc_of_the_nine_digits_has_the_catalogued_value() -> None:
    words = [int.from_bytes(b"12345678"[at : at + 4], "little") for at in (0, 4)]
    assert crc32(words) == 0x9AE0DAAF


def test_decoding_undoes_encoding() -> None:
    for length in (0, 1, 255, MAX_PAYLOAD_WORDS):
        payload = tuple(range(length))
        assert decode_packet(encode_packet(3, 200, payload)) == Packet(3, 200, payload)


def test_payload_of_more_than_256_words_is_not_encoded() -> None:
    with pytest.raises(ValueError, match=r"^a payload holds 256 words, not 257$"):
        encode_packet(1, 0, [0] * 257)


@pytest.mark.parametrize("words", [[], [0], [1], [1, 2], [0xFFFFFFFF] * 3])
def test_noise_fails_the_crc(words: list[int]) -> None:
    assert decode_packet(words) == NakCode.CRC


@pytest.mark.parametrize("count", [0, 2, 300, 0xFFFF])
def test_wrong_count_in_the_header_fails_the_length(count: int) -> None:
    words = [1 | count << 16, 5]
    assert decode_packet([*words, crc32(words)]) == NakCode.LENGTH


def test_payload_of_more_than_256_words_fails_the_length() -> None:
    words = [1 | 257 << 16, *[0] * 257]
    assert decode_packet([*words, crc32(words)]) == NakCode.LENGTH


def test_fields_of_a_packet_do_not_overlap() -> None:
    for opcode, layout in LAYOUTS.items():
        used = [0] * layout.words
        for field in layout.fields:
            mask = ((1 << field.width) - 1) << field.offset
            assert field.offset + field.width <= 32
            assert not used[field.word] & mask, f"{opcode.name} {field.name}"
            used[field.word] |= mask


def test_every_opcode_has_a_layout_and_responses_have_opcodes_of_their_own() -> None:
    assert set(LAYOUTS) == set(Opcode)
    assert max(Opcode) < 0x7F
    assert max(layout.words for layout in LAYOUTS.values()) == FIXED_WORDS


@pytest.mark.parametrize("opcode", list(Opcode))
def test_unpacking_undoes_packing(opcode: Opcode) -> None:
    generator = random.Random(int(opcode))
    layout = LAYOUTS[opcode]
    values = {field.name: generator.getrandbits(field.width) for field in layout.fields}
    assert layout.unpack(layout.pack(**values)) == values


def test_pack_rejects_a_value_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^first must be below 2\*\*8, not 256$"):
        LAYOUTS[Opcode.READ_SATURATIONS].pack(first=256, count=1)


def test_pack_rejects_an_unknown_field() -> None:
    with pytest.raises(ValueError, match=r"^unknown fields \['last'\]$"):
        LAYOUTS[Opcode.READ_SATURATIONS].pack(first=0, count=1, last=3)


@pytest.mark.parametrize("width", [4, 8, 15, 16, 17, 24])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_unpacking_values_undoes_packing(width: int, count: int) -> None:
    generator = random.Random(width)
    limit = 1 << (width - 1)
    values = [generator.choice([-limit, limit - 1, -1, 0, 1]) for _ in range(count)]
    words = pack_values(values, width)
    assert len(words) == data_words(count, width)
    assert unpack_values(words, count, width) == values


def test_two_values_share_a_word_low_half_first() -> None:
    assert pack_values([1, -2, 3], 16) == [0xFFFE0001, 3]


def test_unpacking_ignores_bits_above_the_width() -> None:
    assert unpack_values([0xFFF7_AAA8], 2, 4) == [-8, 7]


def test_identity_begins_with_the_letters_of_the_name() -> None:
    assert MAGIC.to_bytes(4, "little") == b"TENZ"
    words = identity_words(EngineParameters())
    assert words[0] == MAGIC
    assert len(words) == len(IDENTITY_WORDS)
    assert all(0 <= word < 1 << 32 for word in words)
