"""Packets that no driver should send, for Hypothesis to draw and to shrink.

Whatever is accepted must still have a defined answer, so fields that an engine cannot check stay
inside what :data:`WORKING_PACKETS` has loaded: programs hold copies of one stage, samples go past
the words that those read, and no query but the last of :data:`WORKING_PACKETS` reads them.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.packets import (
    LAYOUTS,
    MAX_PAYLOAD_WORDS,
    Field,
    Opcode,
    crc32,
    data_words,
    encode_packet,
    pack_values,
)
from tenzo.sw.program import DESCRIPTOR_WORDS, Stage

HOSTILE_ENGINE = EngineParameters(
    activation=Format(8, 5),
    weight=Format(8, 6),
    lane_count=3,
    requantizer_sharing=2,
    lane_depth=40,
    weight_depth=16,
    bias_depth=16,
    stage_slots=4,
    result_depth=4,
)

_READ_WORDS = 8
"""Words of lane memory that hostile queries read and hostile packets leave alone."""


def _stage(first: int, terms: int) -> Stage:
    """Return a stage that writes all results from some words of lane memory."""
    return Stage(
        counts=(1, 1, 1, 1, HOSTILE_ENGINE.result_depth, terms),
        input_base=first,
        input_strides=(0, 0, 0, 0, 0, 1),
        weight_base=0,
        weight_strides=(0, 0, 0, 0, 1, 0),
        output_base=0,
        output_strides=(0, 0, 0, 0, 1),
        bias_base=0,
        bias_strides=(0, 0, 0, 0, 1),
        shift=1,
        bias_shift=2,
        use_bias=True,
        to_results=True,
        wait_cycles=40,
    )


HOSTILE_STAGE = _stage(0, _READ_WORDS).encode()
LAST_STAGE = _stage(_READ_WORDS, HOSTILE_ENGINE.lane_depth - _READ_WORDS).encode()


def early_packets() -> list[list[int]]:
    """Return queries before anything, something and almost everything is loaded."""
    packets = {packet[0] & 0xFF: packet for packet in working_packets()}
    order = (Opcode.QUERY, Opcode.CONFIGURE, Opcode.QUERY, Opcode.WRITE_PROGRAM, Opcode.QUERY)
    return [packets[opcode] for opcode in (*order, Opcode.WRITE_PARAMETERS, Opcode.QUERY)]


def loading_packets() -> list[list[int]]:
    """Return packets that fill lane memories."""
    values = [(7 * i) % 200 - 100 for i in range(HOSTILE_ENGINE.lane_depth)]
    data = pack_values(values, HOSTILE_ENGINE.activation.width)
    layout = LAYOUTS[Opcode.WRITE_SAMPLES]
    lanes = range(HOSTILE_ENGINE.lane_count)
    payloads = [layout.pack(lane=n, address=0, count=len(values), complete=0) for n in lanes]
    return [
        encode_packet(Opcode.WRITE_SAMPLES, 100 + lane, [*payload, *data])
        for lane, payload in enumerate(payloads)
    ]


def working_packets() -> list[list[int]]:
    """Return packets that empty the queue, load everything and run a query that reads it all."""
    engine = HOSTILE_ENGINE
    read = LAYOUTS[Opcode.READ_RESULTS].pack(
        first_lane=0,
        lane_count=engine.lane_count,
        first_output=0,
        output_count=engine.result_depth,
        release=1,
    )
    program = [*HOSTILE_STAGE * (engine.stage_slots - 1), *LAST_STAGE]
    values = pack_values([(11 * i) % 256 - 128 for i in range(16)], engine.weight.width)
    sample = pack_values([100], engine.activation.width)
    requests: list[tuple[Opcode, list[int]]] = [
        (Opcode.IDENTIFY, []),
        (Opcode.READ_RESULTS, read),
        (Opcode.READ_RESULTS, read),
        (Opcode.READ_RESULTS, read),
        (Opcode.READ_COUNTERS, []),
        (Opcode.READ_SATURATIONS, _pack(Opcode.READ_SATURATIONS, 0, 4)),
        (Opcode.CLEAR_COUNTERS, []),
        (Opcode.CONFIGURE, _pack(Opcode.CONFIGURE, 16, 16, 4)),
        (Opcode.WRITE_PROGRAM, [*_pack(Opcode.WRITE_PROGRAM, 0, 1), *program]),
        (Opcode.WRITE_PARAMETERS, [*_pack(Opcode.WRITE_PARAMETERS, 0, 0, 0, 16), *values]),
        (Opcode.WRITE_PARAMETERS, [*_pack(Opcode.WRITE_PARAMETERS, 0, 1, 1, 16), *values]),
        (Opcode.WRITE_SAMPLES, [*_pack(Opcode.WRITE_SAMPLES, 1, 3, 1, 1), *sample]),
        (Opcode.QUERY, _pack(Opcode.QUERY, 1, 3, 1, 77, 5, 0, 32, 3, 4, 3, 0)),
        (Opcode.QUERY, _pack(Opcode.QUERY, 0, 1, 2, 78, 9, 2, 20, 0, 4, 2, 0)),
        (Opcode.READ_RESULTS, read),
        (Opcode.READ_RESULTS, read),
    ]
    return [encode_packet(opcode, 10 + n, payload) for n, (opcode, payload) in enumerate(requests)]


def _pack(opcode: Opcode, *values: int) -> list[int]:
    """Return the fixed words of a packet, its fields in order."""
    layout = LAYOUTS[opcode]
    names = [field.name for field in layout.fields]
    return layout.pack(**dict(zip(names, values, strict=True)))


WORD = st.integers(0, 2**32 - 1)
MAX_NOISE_WORDS = 300


@st.composite
def hostile_packets(draw: st.DrawFn, engine: EngineParameters) -> list[int]:
    """Draw the words of one packet: good, damaged, truncated, too long, or noise."""
    kinds = ["damaged", "cut", "long", "huge", "noise"]
    kind = draw(st.sampled_from(["plausible"] * 10 + kinds))
    if kind == "huge":
        # Everything about it is right, but for its length.
        count = MAX_PAYLOAD_WORDS + draw(st.integers(1, 40))
        opcode, sequence = draw(st.sampled_from(Opcode)), draw(st.integers(0, 3))
        return with_crc([opcode | sequence << 8 | count << 16, *[draw(WORD)] * count])
    if kind == "noise":
        size = draw(st.sampled_from([1, 2, 3, 20, MAX_NOISE_WORDS]))
        return [draw(WORD) for _ in range(min(size, 20))] * (size // min(size, 20))
    words = draw(plausible_packets(engine))
    if kind == "damaged":
        place, bit = draw(st.integers(0, len(words) - 1)), draw(st.integers(0, 31))
        words[place] ^= 1 << bit
    elif kind == "cut":
        words = words[: draw(st.integers(1, len(words)))]
    elif kind == "long":
        words += [draw(WORD)] * draw(st.sampled_from([1, 2, 40, MAX_PAYLOAD_WORDS]))
    return words


def exchanges(engine: EngineParameters) -> st.SearchStrategy[list[list[int]]]:
    """Return runs of up to 20 packets."""
    packets = hostile_packets(engine)
    return st.integers(1, 20).flatmap(lambda n: st.lists(packets, min_size=n, max_size=n))


@st.composite
def plausible_packets(draw: st.DrawFn, engine: EngineParameters) -> list[int]:
    """Draw a packet whose CRC is right; its fields are near the limits, or anything."""
    sequence = draw(st.integers(0, 3))
    if draw(_rarely(15)):
        unknown = st.integers(0, 255).filter(lambda code: code not in list(Opcode))
        return encode_packet(draw(unknown), sequence, draw(st.lists(WORD, max_size=8)))
    often = [Opcode.QUERY] * 6 + [Opcode.READ_RESULTS, Opcode.CONFIGURE]
    opcode = draw(st.sampled_from([*Opcode, *often]))
    layout = LAYOUTS[opcode]
    names = [field.name for field in layout.fields]
    odd: set[str] = set()
    wild = draw(_rarely(2))
    if names and wild:
        odd = draw(st.sets(st.sampled_from(names), max_size=2))
    values = {
        field.name: draw(_field_values(opcode, field, engine, field.name in odd))
        for field in layout.fields
    }
    if values.get("distribution") == Distribution.ONE_HOT and draw(st.integers(0, 3)):
        values |= {"bits": 1, "last": min(values["first"] + 1, 0xFFFF)}
    payload = layout.pack(**values) + draw(_data(opcode, values, engine))
    if draw(_rarely(20)):
        payload = payload[: draw(st.integers(0, len(payload)))]
    packet = encode_packet(opcode, sequence, payload[:MAX_PAYLOAD_WORDS])
    if draw(_rarely(20)):
        length = draw(st.sampled_from([0, 1, 255, 256, 257, 0xFFFF]))
        packet = with_crc([packet[0] & 0xFFFF | length << 16, *packet[1:-1]])
    return packet


def _rarely(count: int) -> st.SearchStrategy[bool]:
    """Return true once in so many times."""
    return st.integers(1, count).map(lambda number: number == count)


def with_crc(words: list[int]) -> list[int]:
    """Return words with their CRC behind them."""
    return [*words, crc32(words)]


def _field_values(
    opcode: Opcode, field: Field, engine: EngineParameters, odd: bool
) -> st.SearchStrategy[int]:
    """Return good values for a field, or odd ones: beside the limit, or any that has an answer."""
    top = (1 << field.width) - 1
    low, high = _good_range(opcode, field, engine)
    good = st.integers(low, high)
    if opcode == Opcode.WRITE_PROGRAM and field.name == "address":
        good = st.integers(0, engine.stage_slots - 1).map(lambda slot: slot * DESCRIPTOR_WORDS)
        high = engine.stage_slots * DESCRIPTOR_WORDS
    if not odd or high >= top:
        return good
    if field.name == "stop":
        return st.sampled_from([0, engine.stage_slots + 1, top])
    return st.one_of(st.sampled_from([max(low - 1, 0), high + 1, top]), st.integers(high, top))


def _good_range(opcode: Opcode, field: Field, engine: EngineParameters) -> tuple[int, int]:
    """Return the least and the greatest value of a field that an engine accepts as a rule."""
    parameters = engine.weight_depth + engine.bias_depth
    ranges = {
        # Fewer would leave words in the banks that no packet defines.
        "weight_count": (engine.weight_depth, engine.weight_depth),
        "bias_count": (engine.bias_depth, engine.bias_depth),
        "stage_count": (engine.stage_slots - 1, engine.stage_slots),
        "lane": (0, engine.lane_count - 1),
        "distribution": (0, 3),
        "bits": (1, engine.max_bits),
        "sign": (0, 2),
        "epsilon_raw": (0, engine.weight.max_raw),
        "entry": (0, 0),
        "stop": (1, engine.stage_slots - 1),
        "active_lanes": (1, engine.lane_count),
        "lane_count": (1, engine.lane_count),
        "first_lane": (0, 0),
        "first_output": (0, 0),
        "output_count": (1, engine.result_depth),
    }
    if opcode == Opcode.WRITE_SAMPLES and field.name == "address":
        return _READ_WORDS, engine.lane_depth - 4
    if opcode == Opcode.QUERY and field.name in ("first", "last"):
        half = parameters // 2
        return (0, half) if field.name == "first" else (half, parameters)
    if opcode == Opcode.READ_SATURATIONS:
        return (0, 2) if field.name == "first" else (1, 2)
    if field.name in ("seed", "sample_base"):
        return 1, (1 << field.width) - 1
    return ranges.get(field.name, (0, min((1 << field.width) - 1, 4)))


def _data(
    opcode: Opcode, values: dict[str, int], engine: EngineParameters
) -> st.SearchStrategy[list[int]]:
    """Return data words: mostly as many as ``count`` asks for."""
    if not LAYOUTS[opcode].data:
        return st.sampled_from([[], [], [], [], [0]])
    if opcode == Opcode.WRITE_PROGRAM:
        return st.integers(0, 40).map(lambda size: (list(HOSTILE_STAGE) * 3)[:size])
    width = engine.activation.width if opcode == Opcode.WRITE_SAMPLES else engine.weight.width
    exact = min(data_words(values["count"], width), MAX_PAYLOAD_WORDS)
    filled = WORD.map(lambda word: [word] * exact)
    return st.one_of(filled, filled, filled, filled, st.lists(WORD, max_size=20))
