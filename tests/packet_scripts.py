"""Random packets for any endpoint: valid, at the limits, refused, damaged and repeated."""

import random
from math import prod
from typing import Any

from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.packets import (
    LAYOUTS,
    Opcode,
    crc32,
    encode_packet,
    pack_values,
)
from tenzo.sw.program import Activation, Stage

SMALL_ENGINES = {
    "8/8": EngineParameters(
        Format(8, 5), Format(8, 6), 3, 2, 64, 32, 16, stage_slots=4, result_depth=8
    ),
    "18/18": EngineParameters(
        Format(18, 14), Format(18, 15), 1, 1, 64, 32, 16, stage_slots=4, result_depth=8
    ),
    "24/16": EngineParameters(
        Format(24, 18), Format(16, 14), 5, 2, 64, 32, 16, stage_slots=4, result_depth=8
    ),
}
SAMPLE_WORDS = 16
STAGE_COUNT = 3
_OUTPUT_BASE = 32


class PacketScript:
    """Generator of packets for an engine with the memories of :data:`SMALL_ENGINES`."""

    def __init__(self, engine: EngineParameters, seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        self._sequence = 0

    def session(self, length: int) -> list[list[int]]:
        """Return random packets; every forty of them the engine is set up anew."""
        packets: list[list[int]] = []
        while len(packets) < length:
            packets += [*self.drain(), *self.setup(), *(self.any() for _ in range(40))]
        return packets

    def drain(self) -> list[list[int]]:
        """Return packets that release every outstanding query."""
        fields = {"first_lane": 0, "lane_count": 1, "first_output": 0, "output_count": 1}
        release = [self.packet(Opcode.READ_RESULTS, **fields, release=1) for _ in range(3)]
        return [*release, self.packet(Opcode.READ_COUNTERS)]

    def setup(self) -> list[list[int]]:
        """Return packets that make program, parameters and samples valid."""
        engine = self.engine
        lanes = range(engine.lane_count)
        return [
            self.packet(Opcode.CONFIGURE, weight_count=24, bias_count=8, stage_count=STAGE_COUNT),
            self.program(0),
            self.program(1),
            self.program(2),
            self.parameters(bias=0, count=24, complete=0),
            self.parameters(bias=1, count=8, complete=1),
            *(self.samples(lane, 0, SAMPLE_WORDS, lane == lanes[-1]) for lane in lanes),
        ]

    def packet(
        self,
        opcode: Opcode,
        data: list[int] | None = None,
        /,
        sequence: int | None = None,
        **fields: int,
    ) -> list[int]:
        """Return a packet with the next sequence number, or one given."""
        if sequence is None:
            self._sequence = sequence = (self._sequence + 1) & 0xFF
        return encode_packet(opcode, sequence, [*LAYOUTS[opcode].pack(**fields), *(data or [])])

    def stage(self, last: bool) -> Stage:
        """Return a small stage that reads samples and writes behind them, or results."""
        pick = self.random
        counts = tuple(pick.randint(1, 2) for _ in range(5))
        while prod(counts) > self.engine.result_depth:
            counts = tuple(pick.randint(1, 2) for _ in range(5))
        strides: dict[str, Any] = {
            "input_strides": tuple(pick.randint(0, 1) for _ in range(6)),
            "weight_strides": tuple(pick.randint(0, 2) for _ in range(6)),
            "output_strides": tuple(prod(counts[index + 1 :]) for index in range(5)),
            "bias_strides": tuple(pick.randint(0, 1) for _ in range(5)),
        }
        left1, left0, right1, right0, j = counts
        return Stage(
            counts=(left1, left0, right1, right0, j, pick.randint(1, 5)),
            input_base=pick.randint(0, 3),
            weight_base=pick.randint(0, 4),
            output_base=0 if last else _OUTPUT_BASE,
            shift=pick.randint(0, 6),
            bias_base=pick.randint(0, 2),
            bias_shift=pick.randint(0, 6),
            activation=pick.choice(list(Activation)),
            use_bias=pick.random() < 0.5,
            unit_weight=pick.random() < 0.2,
            to_results=last,
            sample_input=True,
            wait_cycles=40,
            **strides,
        )

    def program(self, slot: int) -> list[int]:
        """Return the descriptor of one slot; the last one writes results."""
        words = list(self.stage(slot == STAGE_COUNT - 1).encode())
        complete = int(slot == STAGE_COUNT - 1)
        address = slot * len(words)
        return self.packet(Opcode.WRITE_PROGRAM, words, address=address, complete=complete)

    def values(self, count: int, width: int) -> list[int]:
        """Return packed values, extreme ones among them; some with bits that do not count."""
        limit = 1 << (width - 1)
        values = [
            self.random.choice([-limit, limit - 1, 0, self.random.randrange(-limit, limit)])
            for _ in range(count)
        ]
        words = pack_values(values, width)
        if self.random.random() < 0.1:
            words = [self.random.getrandbits(32) for _ in words]
        return words

    def parameters(self, bias: int, count: int, complete: int, address: int = 0) -> list[int]:
        """Return a block of weights or biases."""
        fields = {"address": address, "bias": bias, "complete": complete, "count": count}
        words = self.values(count, self.engine.weight.width)
        return self.packet(Opcode.WRITE_PARAMETERS, words, **fields)

    def samples(self, lane: int, address: int, count: int, complete: int) -> list[int]:
        """Return a block of samples."""
        fields = {"lane": lane, "address": address, "count": count, "complete": complete}
        words = self.values(count, self.engine.activation.width)
        return self.packet(Opcode.WRITE_SAMPLES, words, **fields)

    def near(self, limit: int, width: int) -> int:
        """Return a value of a field: mostly below or at the limit, sometimes beyond."""
        beyond = [limit + 1, (1 << width) - 1, self.random.getrandbits(width)]
        value = self.random.choice(
            [self.random.randint(0, limit)] * 12 + [0, 1, limit, limit - 1] * 2 + beyond
        )
        return max(0, min(value, (1 << width) - 1))

    def any(self) -> list[int]:
        """Return any packet."""
        opcode = self.random.choice([*Opcode, *[Opcode.QUERY, Opcode.READ_RESULTS] * 4])
        packet = getattr(self, f"_any_{opcode.name.lower()}", lambda: self.packet(opcode))()
        return self.damaged(packet) if self.random.random() < 0.2 else packet

    def damaged(self, packet: list[int]) -> list[int]:
        """Return a packet with something wrong, or one sent again."""
        cut = self.random.randint(1, len(packet))
        body = packet[:-1]
        ways = {
            "bit": [
                word ^ (1 << self.random.randrange(32) if not i else 0)
                for i, word in enumerate(packet)
            ],
            "truncated": packet[:cut],
            "extended": [*packet, self.random.getrandbits(32)],
            "noise": [self.random.getrandbits(32) for _ in range(cut)],
            "opcode": self._framed([body[0] & ~0xFF | self.random.randrange(256), *body[1:]]),
            "count": self._framed([body[0] ^ 1 << self.random.randrange(16, 32), *body[1:]]),
            "short": self._framed([body[0] - 0x10000, *body[1:-1]] if body[1:] else body),
            "long": self._framed([body[0] + 0x10000, *body, 5][:259]),
            "over-long": self._framed([body[0] & 0xFFFF | 300 << 16, *[7] * 300]),
            "repeated": self._framed([body[0] - 0x100 if body[0] & 0xFF00 else body[0], *body[1:]]),
        }
        return ways[self.random.choice(list(ways))]

    def _framed(self, words: list[int]) -> list[int]:
        return [*words, crc32(words)]

    def _any_configure(self) -> list[int]:
        return self.packet(
            Opcode.CONFIGURE,
            weight_count=self.near(self.engine.weight_depth, 16),
            bias_count=self.near(self.engine.bias_depth, 16),
            stage_count=self.near(self.engine.stage_slots, 8),
        )

    def _any_write_program(self) -> list[int]:
        if self.random.random() < 0.7:
            return self.program(self.random.randrange(STAGE_COUNT))
        address = self.random.choice([0xFFFF, len(self.stage(False).encode()) * STAGE_COUNT])
        data = [] if self.random.random() < 0.3 else [1]
        return self.packet(Opcode.WRITE_PROGRAM, data, address=address, complete=1)

    def _any_write_parameters(self) -> list[int]:
        address, count = self.near(24, 16), self.random.randint(0, 12)
        bias, complete = self.random.getrandbits(1), self.random.getrandbits(1)
        packet = self.parameters(bias, count, complete, address)
        return self._miscounted(packet)

    def _any_write_samples(self) -> list[int]:
        lane, address = self.near(self.engine.lane_count - 1, 16), self.near(SAMPLE_WORDS, 16)
        if self.random.random() < 0.2:
            address = self.engine.lane_depth - self.random.randint(0, 4)
        packet = self.samples(lane, address, self.random.randint(0, 9), self.random.getrandbits(1))
        return self._miscounted(packet)

    def _miscounted(self, packet: list[int]) -> list[int]:
        """Change the count of values now and then, not the count of words."""
        if self.random.random() < 0.9:
            return packet
        wrong = [*packet[:-1]]
        wrong[2] = wrong[2] & ~0xFFFF | (wrong[2] + self.random.choice([-2, -1, 1, 2])) & 0xFFFF
        return self._framed(wrong)

    def query(self) -> list[int]:
        """Return a query of the whole program that is accepted once the engine is set up."""
        engine, pick = self.engine, self.random
        first, last = sorted(pick.randint(0, 32) for _ in range(2))
        distribution, bits = pick.choice([0, 1, 2, 3, 3, 3]), pick.randint(1, engine.max_bits)
        if distribution == Distribution.ONE_HOT:
            first = pick.randint(0, 31)
            last, bits = first + 1, 1
        return self.packet(
            Opcode.QUERY,
            distribution=distribution,
            bits=bits,
            sign=pick.randint(0, 2),
            seed=pick.randint(1, 0xFFFFFFFF),
            epsilon_raw=pick.randint(0, engine.weight.max_raw),
            first=first,
            last=last,
            entry=pick.randint(0, STAGE_COUNT - 1),
            stop=STAGE_COUNT,
            active_lanes=pick.randint(1, engine.lane_count),
            sample_base=0,
        )

    def _any_query(self) -> list[int]:
        if self.random.random() < 0.85:
            return self.query()
        engine, pick = self.engine, self.random
        return self.packet(
            Opcode.QUERY,
            distribution=self.near(3, 2),
            bits=self.near(engine.max_bits, 4),
            sign=self.near(2, 2),
            seed=pick.choice([0, 1, 0xFFFFFFFF]),
            epsilon_raw=self.near(engine.weight.max_raw, 24),
            first=self.near(32, 16),
            last=self.near(32, 16),
            entry=self.near(STAGE_COUNT - 1, 8),
            stop=self.near(STAGE_COUNT, 8),
            active_lanes=self.near(engine.lane_count, 16),
            sample_base=0,
        )

    def _any_read_results(self) -> list[int]:
        engine, bad = self.engine, self.random.random() < 0.2
        return self.packet(
            Opcode.READ_RESULTS,
            first_lane=self.near(engine.lane_count, 16) if bad else 0,
            lane_count=self.near(engine.lane_count, 16) if bad else engine.lane_count,
            first_output=self.near(engine.result_depth, 16) if bad else 0,
            output_count=self.near(engine.result_depth, 16) if bad else engine.result_depth,
            release=int(self.random.random() < 0.7),
        )

    def _any_read_saturations(self) -> list[int]:
        return self.packet(
            Opcode.READ_SATURATIONS,
            first=self.near(self.engine.stage_slots - 1, 8),
            count=self.near(self.engine.stage_slots, 8),
        )
