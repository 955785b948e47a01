"""Packets between host and engine: the one definition of opcodes, layouts, checks and codes.

A packet is a run of 32-bit words, the last one marked: header, payload, CRC-32. The header holds
the opcode (bits 7..0), the sequence number (15..8) and the count of payload words (31..16). The CRC
is zlib's over header and payload, each word as four little-endian bytes.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

MAX_PAYLOAD_WORDS = 256
RESPONSE_BIT = 0x80
"""Set in the opcode of the response to an accepted packet."""
NAK_OPCODE = 0xFF
"""Opcode of the response to a refused packet; its payload is one word, a :class:`NakCode`."""
MAGIC = 0x5A4E4554
"""First word of an ``IDENTIFY`` response: the bytes ``TENZ``."""


class Opcode(IntEnum):
    """What a packet asks for."""

    IDENTIFY = 0x01
    CONFIGURE = 0x02
    WRITE_PROGRAM = 0x03
    WRITE_PARAMETERS = 0x04
    WRITE_SAMPLES = 0x05
    QUERY = 0x06
    READ_RESULTS = 0x07
    READ_COUNTERS = 0x08
    READ_SATURATIONS = 0x09
    CLEAR_COUNTERS = 0x0A


class NakCode(IntEnum):
    """Why a packet was refused; in the order of the checks. A refused packet changes nothing."""

    CRC = 1
    LENGTH = 2
    OPCODE = 3
    ADDRESS = 4
    VALUE = 5
    NOT_READY = 6
    BUSY = 7
    EMPTY = 8


@dataclass(frozen=True)
class Field:
    """A field of a payload: word index, lowest bit, width in bits, meaning."""

    name: str
    word: int
    offset: int
    width: int
    meaning: str


@dataclass(frozen=True)
class Layout:
    """Payload of a packet: fixed words with fields, then ``data`` if not empty."""

    words: int
    fields: tuple[Field, ...]
    data: str
    response: str
    checks: str

    def pack(self, **values: int) -> list[int]:
        """Return the fixed words. Every field must be given and must fit its width."""
        words = [0] * self.words
        for field in self.fields:
            value = values.pop(field.name)
            if not 0 <= value < 1 << field.width:
                raise ValueError(f"{field.name} must be below 2**{field.width}, not {value!r}")
            words[field.word] |= value << field.offset
        if values:
            raise ValueError(f"unknown fields {sorted(values)}")
        return words

    def unpack(self, words: Sequence[int]) -> dict[str, int]:
        """Return the value of every field; words after the fixed ones are not looked at."""
        return {
            field.name: words[field.word] >> field.offset & ((1 << field.width) - 1)
            for field in self.fields
        }


LAYOUTS: dict[Opcode, Layout] = {
    Opcode.IDENTIFY: Layout(0, (), "", "identity, see below", "never a repeat: always executed"),
    Opcode.CONFIGURE: Layout(
        2,
        (
            Field("weight_count", 0, 0, 16, "words used in the weight bank"),
            Field("bias_count", 0, 16, 16, "words used in the bank of biases"),
            Field("stage_count", 1, 0, 8, "descriptors in the program"),
        ),
        "",
        "empty; program, parameters and samples are no longer valid",
        "BUSY while queries are outstanding; ADDRESS if a count exceeds its memory or the sum of "
        "`weight_count` and `bias_count` 65,535",
    ),
    Opcode.WRITE_PROGRAM: Layout(
        1,
        (
            Field("address", 0, 0, 16, "first word of program memory"),
            Field("complete", 0, 31, 1, "the program is valid after this block"),
        ),
        "descriptor words",
        "empty",
        "BUSY while queries are outstanding; ADDRESS past the descriptors of `stage_count`",
    ),
    Opcode.WRITE_PARAMETERS: Layout(
        2,
        (
            Field("address", 0, 0, 16, "first word of the bank"),
            Field("bias", 0, 30, 1, "0 weights, 1 biases"),
            Field("complete", 0, 31, 1, "the parameters are valid after this block"),
            Field("count", 1, 0, 16, "values"),
        ),
        "values of weight width, packed",
        "empty",
        "LENGTH if the data words do not match `count`; BUSY while queries are outstanding; "
        "ADDRESS past the bank's configured count",
    ),
    Opcode.WRITE_SAMPLES: Layout(
        2,
        (
            Field("lane", 0, 0, 16, "lane to write"),
            Field("address", 0, 16, 16, "first word of lane memory"),
            Field("count", 1, 0, 16, "values"),
            Field("complete", 1, 31, 1, "the samples are valid after this block"),
        ),
        "values of activation width, packed",
        "empty",
        "LENGTH if the data words do not match `count`; ADDRESS past the lanes or the lane memory",
    ),
    Opcode.QUERY: Layout(
        6,
        (
            Field("distribution", 0, 0, 2, "0 Rademacher, 1 uniform, 2 binomial, 3 one-hot"),
            Field("bits", 0, 4, 4, "random bits per parameter"),
            Field("sign", 0, 8, 2, "0 unperturbed, 1 plus, 2 minus"),
            Field("seed", 1, 0, 32, "LFSR seed"),
            Field("epsilon_raw", 2, 0, 24, "perturbation scale in raw weight units"),
            Field("first", 3, 0, 16, "first perturbed parameter"),
            Field("last", 3, 16, 16, "the one after the last perturbed parameter"),
            Field("entry", 4, 0, 8, "first stage to run"),
            Field("stop", 4, 8, 8, "the one after the last stage to run"),
            Field("active_lanes", 4, 16, 16, "lanes that hold samples"),
            Field("sample_base", 5, 0, 16, "lane address of the samples"),
        ),
        "",
        "empty; the query is queued",
        "VALUE if seed is 0 or too wide, sign is 3, bits is 0, above the engine's or, for one-hot, "
        "not 1, epsilon_raw exceeds the largest weight, or active_lanes is 0 or above the lanes; "
        "ADDRESS if first > last or, for one-hot, last is not first + 1, last exceeds the "
        "parameters, entry >= stop or stop exceeds the stages; NOT_READY before program, "
        "parameters and samples are valid; BUSY when three queries are outstanding",
    ),
    Opcode.READ_RESULTS: Layout(
        3,
        (
            Field("first_lane", 0, 0, 16, "first lane"),
            Field("lane_count", 0, 16, 16, "lanes"),
            Field("first_output", 1, 0, 16, "first output of each lane"),
            Field("output_count", 1, 16, 16, "outputs of each lane"),
            Field("release", 2, 0, 1, "the oldest query is done with after this packet"),
        ),
        "",
        "lane_count x output_count results of the oldest query, 32-bit, lane by lane; waits for it",
        "ADDRESS if lanes or outputs exceed the engine or a count is 0; VALUE if more than 256 "
        "results; EMPTY if no query is outstanding",
    ),
    Opcode.READ_COUNTERS: Layout(
        0, (), "", "the counters, see below", "BUSY while queries are outstanding"
    ),
    Opcode.READ_SATURATIONS: Layout(
        1,
        (
            Field("first", 0, 0, 8, "first stage"),
            Field("count", 0, 16, 8, "stages"),
        ),
        "",
        "saturations of each stage, one word each",
        "BUSY while queries are outstanding; ADDRESS past the stage slots or if count is 0",
    ),
    Opcode.CLEAR_COUNTERS: Layout(
        0, (), "", "empty; all counters are zero", "BUSY while queries are outstanding"
    ),
}

FIXED_WORDS = max(layout.words for layout in LAYOUTS.values())
"""Most fixed payload words of any packet."""

MAX_OUTSTANDING_QUERIES = 3
"""Queries accepted and not yet released."""

COUNTER_WORDS = (
    "run_cycles",
    "mac_cycles",
    "queries",
    "weight_saturations",
    "perturb_wait_cycles",
    "load_wait_cycles",
    "link_stall_cycles",
)
"""Words of a ``READ_COUNTERS`` response, each 32 bits, sticky at the maximum."""

IDENTITY_WORDS = (
    "magic",
    "protocol_version",
    "activation",  # width | frac_bits << 16
    "weight",  # width | frac_bits << 16
    "lanes",  # lane_count | requantizer_sharing << 16
    "lane_depth",
    "banks",  # weight_depth | bias_depth << 16
    "slots",  # stage_slots | result_depth << 16
    "features",  # max_bits
    "digest_low",
    "digest_high",
)
"""Words of an ``IDENTIFY`` response."""


def crc32(words: Sequence[int]) -> int:
    """CRC-32 of words taken as four little-endian bytes each."""
    return zlib.crc32(struct.pack(f"<{len(words)}I", *words))


def encode_packet(opcode: int, sequence: int, payload: Sequence[int] = ()) -> list[int]:
    """Return header, payload and CRC of a packet as unsigned 32-bit words."""
    if len(payload) > MAX_PAYLOAD_WORDS:
        raise ValueError(f"a payload holds {MAX_PAYLOAD_WORDS} words, not {len(payload)}")
    words = [opcode | sequence << 8 | len(payload) << 16, *payload]
    return [*words, crc32(words)]


@dataclass(frozen=True)
class Packet:
    """A packet whose length and CRC were found good."""

    opcode: int
    sequence: int
    payload: tuple[int, ...]


def decode_packet(words: Sequence[int]) -> Packet | NakCode:
    """Return the packet, or the code of the first check that fails (CRC, then LENGTH)."""
    if len(words) < 2 or crc32(words[:-1]) != words[-1]:
        return NakCode.CRC
    if words[0] >> 16 != len(words) - 2 or words[0] >> 16 > MAX_PAYLOAD_WORDS:
        return NakCode.LENGTH
    return Packet(words[0] & 0xFF, words[0] >> 8 & 0xFF, tuple(words[1:-1]))


def data_words(count: int, width: int) -> int:
    """Words that ``count`` values of a width take: two a word up to 16 bits, else one a word."""
    return (count + 1) // 2 if width <= 16 else count


def pack_values(values: Sequence[int], width: int) -> list[int]:
    """Pack signed values: sign-extended to 16 bits, low half first, an odd tail zero; or to 32."""
    if width > 16:
        return [value & 0xFFFFFFFF for value in values]
    halves = [value & 0xFFFF for value in values]
    halves += [0] * (len(halves) % 2)
    return [low | high << 16 for low, high in zip(halves[::2], halves[1::2], strict=True)]


def unpack_values(words: Sequence[int], count: int, width: int) -> list[int]:
    """Return ``count`` signed values of packed words; only the low ``width`` bits of each count."""
    if width <= 16:
        words = [half for word in words for half in (word & 0xFFFF, word >> 16)]
    sign = 1 << (width - 1)
    return [((word & (2 * sign - 1)) ^ sign) - sign for word in words[:count]]
