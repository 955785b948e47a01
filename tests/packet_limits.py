"""Packets one step inside and one step outside of each limit that an engine checks."""

from dataclasses import dataclass

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.packets import LAYOUTS, NakCode, Opcode, encode_packet

ENGINE = EngineParameters(
    activation=Format(8, 5),
    weight=Format(8, 6),
    lane_count=20,
    requantizer_sharing=2,
    lane_depth=64,
    weight_depth=40,
    bias_depth=30,
    stage_slots=6,
    result_depth=16,
    max_bits=5,
    lfsr=LfsrParameters(16, 0xB400),
)
WEIGHTS, BIASES, STAGES = 24, 8, 3
"""What the engine is configured for."""

_GOOD: dict[Opcode, dict[str, int]] = {
    Opcode.CONFIGURE: {"weight_count": 1, "bias_count": 1, "stage_count": 1},
    Opcode.WRITE_PROGRAM: {"address": 0, "complete": 0},
    Opcode.WRITE_PARAMETERS: {"address": 0, "bias": 0, "complete": 0, "count": 0},
    Opcode.WRITE_SAMPLES: {"lane": 0, "address": 0, "count": 0, "complete": 0},
    Opcode.QUERY: {
        **dict.fromkeys((field.name for field in LAYOUTS[Opcode.QUERY].fields), 0),
        "seed": 1,
        "bits": 1,
        "active_lanes": 1,
        "stop": 1,
    },
    Opcode.READ_RESULTS: {
        "first_lane": 0,
        "lane_count": 1,
        "first_output": 0,
        "output_count": 1,
        "release": 0,
    },
    Opcode.READ_SATURATIONS: {"first": 0, "count": 1},
    Opcode.IDENTIFY: {},
    Opcode.READ_COUNTERS: {},
    Opcode.CLEAR_COUNTERS: {},
}


@dataclass(frozen=True)
class Case:
    """A packet for an engine with so many outstanding queries, and the code it gets, 0 for none."""

    opcode: Opcode
    code: int
    changes: dict[str, int]
    data_words: int = 0
    outstanding: int = 0
    unready: Opcode | None = None

    @property
    def payload(self) -> list[int]:
        fixed = LAYOUTS[self.opcode].pack(**{**_GOOD[self.opcode], **self.changes})
        return [*fixed, *[0] * self.data_words]


def _pair(opcode: Opcode, code: NakCode, good: dict[str, int], bad: dict[str, int]) -> list[Case]:
    """Return a case that passes and one that does not; results are read of an outstanding query."""
    outstanding = int(opcode == Opcode.READ_RESULTS)
    return [
        Case(opcode, 0, good, outstanding=outstanding),
        Case(opcode, code, bad, outstanding=outstanding),
    ]


def _block(
    opcode: Opcode, code: NakCode, words: int, good: dict[str, int], bad: dict[str, int]
) -> list[Case]:
    return [Case(opcode, 0, good, words), Case(opcode, code, bad, words)]


def limit_cases() -> list[Case]:
    """Return all cases."""
    configure, query, read = Opcode.CONFIGURE, Opcode.QUERY, Opcode.READ_RESULTS
    parameters, samples = Opcode.WRITE_PARAMETERS, Opcode.WRITE_SAMPLES
    address, value = NakCode.ADDRESS, NakCode.VALUE
    both = {"first": 5, "last": 5}
    one_hot = {"distribution": 3, "first": 5, "last": 6}
    cases = [
        *_pair(configure, address, {"weight_count": 40}, {"weight_count": 41}),
        *_pair(configure, address, {"bias_count": 30}, {"bias_count": 31}),
        *_pair(configure, address, {"stage_count": 6}, {"stage_count": 7}),
        *_block(Opcode.WRITE_PROGRAM, address, 2, {"address": 52}, {"address": 53}),
        *_block(parameters, address, 2, {"address": 21, "count": 3}, {"address": 22, "count": 3}),
        *_block(
            parameters,
            address,
            2,
            {"address": 4, "count": 4, "bias": 1},
            {"address": 5, "count": 4, "bias": 1},
        ),
        *_block(parameters, NakCode.LENGTH, 2, {"count": 4}, {"count": 5}),
        *_block(parameters, NakCode.LENGTH, 2, {"count": 3}, {"count": 2}),
        *_block(samples, address, 1, {"address": 62, "count": 2}, {"address": 63, "count": 2}),
        *_block(samples, address, 1, {"lane": 19, "count": 1}, {"lane": 20, "count": 1}),
        *_block(samples, NakCode.LENGTH, 1, {"count": 2}, {"count": 3}),
        *_block(samples, NakCode.LENGTH, 1, {"count": 1}, {"count": 0}),
        *_pair(query, value, {"seed": 0xFFFF}, {"seed": 0x10000}),
        *_pair(query, value, {"seed": 1}, {"seed": 0}),
        *_pair(query, value, {**one_hot, "bits": 1}, {**one_hot, "bits": 2}),
        *_pair(query, value, {"sign": 2}, {"sign": 3}),
        *_pair(query, value, {"bits": 5}, {"bits": 6}),
        *_pair(query, value, {"bits": 1}, {"bits": 0}),
        *_pair(query, value, {"epsilon_raw": 127}, {"epsilon_raw": 128}),
        *_pair(query, value, {"active_lanes": 20}, {"active_lanes": 21}),
        *_pair(query, value, {"active_lanes": 1}, {"active_lanes": 0}),
        *_pair(query, address, both, {"first": 6, "last": 5}),
        *_pair(query, address, {"last": 32}, {"last": 33}),
        *_pair(query, address, one_hot, {**one_hot, "last": 7}),
        *_pair(query, address, {**both, "distribution": 2}, {**both, "distribution": 3}),
        *_pair(query, address, {**one_hot, "first": 31, "last": 32}, {**one_hot, "last": 5}),
        *_pair(query, address, {}, {**one_hot, "first": 32, "last": 33}),
        *_pair(query, address, {"entry": 1, "stop": 2}, {"entry": 2, "stop": 2}),
        *_pair(query, address, {"entry": 2, "stop": 3}, {"entry": 2, "stop": 4}),
        *_pair(read, address, {"first_lane": 19}, {"first_lane": 20}),
        *_pair(read, address, {"lane_count": 20}, {"lane_count": 0}),
        *_pair(read, address, {"first_output": 15}, {"first_output": 16}),
        *_pair(read, address, {"output_count": 16}, {"output_count": 0}),
        *_pair(read, address, {"lane_count": 1}, {"lane_count": 0xFFFF}),
        *_pair(
            read,
            value,
            {"lane_count": 16, "output_count": 16},
            {"lane_count": 17, "output_count": 16},
        ),
        *_pair(Opcode.READ_SATURATIONS, address, {"first": 5}, {"first": 6}),
        *_pair(Opcode.READ_SATURATIONS, address, {"count": 6}, {"count": 7}),
        *_pair(Opcode.READ_SATURATIONS, address, {"count": 1}, {"count": 0}),
        Case(read, NakCode.EMPTY, {}),
        Case(query, 0, {}, outstanding=2),
        Case(query, NakCode.BUSY, {}, outstanding=3),
        Case(samples, 0, {}, outstanding=3),
        Case(Opcode.IDENTIFY, 0, {}, outstanding=3),
        # The first check that fails names the code.
        Case(parameters, NakCode.LENGTH, {"address": 99, "count": 1}, outstanding=1),
        Case(parameters, NakCode.BUSY, {"address": 99}, outstanding=1),
        Case(query, value, {"seed": 0, "stop": 9}, outstanding=3),
        Case(query, address, {"stop": 9}, outstanding=3),
        Case(read, address, {"lane_count": 21, "output_count": 16}),
        Case(read, value, {"lane_count": 20, "output_count": 16}),
    ]
    busy = (configure, Opcode.WRITE_PROGRAM, parameters, Opcode.READ_COUNTERS)
    for opcode in (*busy, Opcode.READ_SATURATIONS, Opcode.CLEAR_COUNTERS):
        cases += [Case(opcode, 0, {}), Case(opcode, NakCode.BUSY, {}, outstanding=1)]
    for unready in (Opcode.WRITE_PROGRAM, parameters, samples):
        cases.append(Case(query, NakCode.NOT_READY, {}, unready=unready))
    return cases


def preparation(case: Case) -> list[list[int]]:
    """Return the packets that bring an engine after reset into the state of a case."""
    packets: list[tuple[Opcode, dict[str, int]]] = [
        (
            Opcode.CONFIGURE,
            {"weight_count": WEIGHTS, "bias_count": BIASES, "stage_count": STAGES},
        )
    ]
    for opcode in (Opcode.WRITE_PROGRAM, Opcode.WRITE_PARAMETERS, Opcode.WRITE_SAMPLES):
        if opcode != case.unready:
            packets.append((opcode, {"complete": 1}))
    packets += [(Opcode.QUERY, {})] * case.outstanding
    return [
        encode_packet(opcode, index + 1, LAYOUTS[opcode].pack(**{**_GOOD[opcode], **changes}))
        for index, (opcode, changes) in enumerate(packets)
    ]
