"""The engine as its packets see it: a plain model of packet link and controller."""

from collections import deque
from collections.abc import Mapping, Sequence

from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.core_model import CoreModel, IntArray
from tenzo.sw.link.identity import identity_words
from tenzo.sw.packets import (
    COUNTER_WORDS,
    LAYOUTS,
    MAX_OUTSTANDING_QUERIES,
    MAX_PAYLOAD_WORDS,
    NAK_OPCODE,
    RESPONSE_BIT,
    NakCode,
    Opcode,
    data_words,
    decode_packet,
    encode_packet,
    unpack_values,
)
from tenzo.sw.program import DESCRIPTOR_WORDS

Fields = Mapping[str, int]
Checks = Sequence[tuple[bool, NakCode]]


class Endpoint:
    """Model of an engine: packets in, packets out.

    Hardware twin: :class:`tenzo.hw.link.Link` and :class:`tenzo.hw.controller.Controller`, which
    are compared with it word by word. A query is computed when it is accepted.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        self.core = CoreModel(engine)
        self._counts = dict.fromkeys(("weight_count", "bias_count", "stage_count"), 0)
        self._valid: set[Opcode] = set()
        self._results: deque[IntArray] = deque()
        self._last_sequence: int | None = None
        self._last_response: list[int] = []

    def exchange(self, words: Sequence[int]) -> list[int]:
        """Return the words of the response to the words of a packet, CRC included in both.

        Every packet of at least one word has one response; no word has none.
        """
        if not words:
            return []
        packet = decode_packet(words)
        if isinstance(packet, NakCode):
            return encode_packet(NAK_OPCODE, words[0] >> 8 & 0xFF, [packet])
        if packet.sequence != self._last_sequence or packet.opcode == Opcode.IDENTIFY:
            outcome = self._execute(packet.opcode, list(packet.payload))
            self._last_sequence = packet.sequence
            if isinstance(outcome, NakCode):
                self._last_response = encode_packet(NAK_OPCODE, packet.sequence, [outcome])
            else:
                opcode = packet.opcode | RESPONSE_BIT
                self._last_response = encode_packet(opcode, packet.sequence, outcome)
        return self._last_response

    def _execute(self, code: int, payload: list[int]) -> list[int] | NakCode:
        """Check and execute a packet; return the payload of its response, or why not."""
        if code not in list(Opcode):
            return NakCode.OPCODE
        opcode = Opcode(code)
        layout = LAYOUTS[opcode]
        if len(payload) < layout.words or (len(payload) > layout.words and not layout.data):
            return NakCode.LENGTH
        fields, data = layout.unpack(payload), payload[layout.words :]
        name = opcode.name.lower()
        for failed, nak in getattr(self, f"_check_{name}")(fields, data):
            if failed:
                return nak
        response: list[int] = getattr(self, f"_{name}")(fields, data)
        return response

    @property
    def _busy(self) -> tuple[bool, NakCode]:
        return len(self._results) > 0, NakCode.BUSY

    def _check_identify(self, fields: Fields, data: list[int]) -> Checks:
        return []

    def _identify(self, fields: Fields, data: list[int]) -> list[int]:
        return identity_words(self.engine)

    def _check_configure(self, fields: Fields, data: list[int]) -> Checks:
        weights, biases = fields["weight_count"], fields["bias_count"]
        too_large = (
            weights > self.engine.weight_depth
            or biases > self.engine.bias_depth
            or fields["stage_count"] > self.engine.stage_slots
            or weights + biases > 0xFFFF
        )
        return [self._busy, (too_large, NakCode.ADDRESS)]

    def _configure(self, fields: Fields, data: list[int]) -> list[int]:
        self._counts = dict(fields)
        self._valid.clear()
        return []

    def _check_write_program(self, fields: Fields, data: list[int]) -> Checks:
        limit = self._counts["stage_count"] * DESCRIPTOR_WORDS
        return [self._busy, (fields["address"] + len(data) > limit, NakCode.ADDRESS)]

    def _write_program(self, fields: Fields, data: list[int]) -> list[int]:
        first = fields["address"]
        self.core.program[first : first + len(data)] = data
        return self._complete(Opcode.WRITE_PROGRAM, fields)

    def _check_write_parameters(self, fields: Fields, data: list[int]) -> Checks:
        limit = self._counts["bias_count" if fields["bias"] else "weight_count"]
        return [
            self._check_count(fields, data, self.engine.weight.width),
            self._busy,
            (fields["address"] + fields["count"] > limit, NakCode.ADDRESS),
        ]

    def _write_parameters(self, fields: Fields, data: list[int]) -> list[int]:
        first, count = fields["address"], fields["count"]
        bank = self.core.biases if fields["bias"] else self.core.weights
        bank[first : first + count] = unpack_values(data, count, self.engine.weight.width)
        return self._complete(Opcode.WRITE_PARAMETERS, fields)

    def _check_write_samples(self, fields: Fields, data: list[int]) -> Checks:
        end = fields["address"] + fields["count"]
        past = fields["lane"] >= self.engine.lane_count or end > self.engine.lane_depth
        return [
            self._check_count(fields, data, self.engine.activation.width),
            (past, NakCode.ADDRESS),
        ]

    def _write_samples(self, fields: Fields, data: list[int]) -> list[int]:
        first, count = fields["address"], fields["count"]
        values = unpack_values(data, count, self.engine.activation.width)
        self.core.lanes[fields["lane"], first : first + count] = values
        return self._complete(Opcode.WRITE_SAMPLES, fields)

    def _check_count(self, fields: Fields, data: list[int], width: int) -> tuple[bool, NakCode]:
        return len(data) != data_words(fields["count"], width), NakCode.LENGTH

    def _complete(self, opcode: Opcode, fields: Fields) -> list[int]:
        if fields["complete"]:
            self._valid.add(opcode)
        return []

    def _check_query(self, fields: Fields, data: list[int]) -> Checks:
        engine = self.engine
        one_hot = fields["distribution"] == Distribution.ONE_HOT
        value = (
            not 0 < fields["seed"] < 1 << engine.lfsr.width
            or fields["sign"] == 3
            or not 1 <= fields["bits"] <= (1 if one_hot else engine.max_bits)
            or fields["epsilon_raw"] > engine.weight.max_raw
            or not 1 <= fields["active_lanes"] <= engine.lane_count
        )
        parameter_count = self._counts["weight_count"] + self._counts["bias_count"]
        address = (
            not fields["first"] <= fields["last"] <= parameter_count
            or (one_hot and fields["last"] != fields["first"] + 1)
            or not fields["entry"] < fields["stop"] <= self._counts["stage_count"]
        )
        return [
            (value, NakCode.VALUE),
            (address, NakCode.ADDRESS),
            (len(self._valid) < 3, NakCode.NOT_READY),
            (len(self._results) == MAX_OUTSTANDING_QUERIES, NakCode.BUSY),
        ]

    def _query(self, fields: Fields, data: list[int]) -> list[int]:
        counts = self._counts
        self._results.append(self.core.run(fields, counts["weight_count"], counts["bias_count"]))
        return []

    def _check_read_results(self, fields: Fields, data: list[int]) -> Checks:
        lanes, outputs = fields["lane_count"], fields["output_count"]
        outside = (
            fields["first_lane"] + lanes > self.engine.lane_count
            or fields["first_output"] + outputs > self.engine.result_depth
            or not lanes
            or not outputs
        )
        return [
            (outside, NakCode.ADDRESS),
            (lanes * outputs > MAX_PAYLOAD_WORDS, NakCode.VALUE),
            (not self._results, NakCode.EMPTY),
        ]

    def _read_results(self, fields: Fields, data: list[int]) -> list[int]:
        lane, output = fields["first_lane"], fields["first_output"]
        results = self._results.popleft() if fields["release"] else self._results[0]
        block = results[
            lane : lane + fields["lane_count"], output : output + fields["output_count"]
        ]
        return [int(value) & 0xFFFFFFFF for value in block.ravel()]

    def _check_read_counters(self, fields: Fields, data: list[int]) -> Checks:
        return [self._busy]

    def _read_counters(self, fields: Fields, data: list[int]) -> list[int]:
        return [self.core.counters[name] for name in COUNTER_WORDS]

    def _check_read_saturations(self, fields: Fields, data: list[int]) -> Checks:
        first, count = fields["first"], fields["count"]
        past = first + count > self.engine.stage_slots or not count
        return [self._busy, (past, NakCode.ADDRESS)]

    def _read_saturations(self, fields: Fields, data: list[int]) -> list[int]:
        return self.core.saturations[fields["first"] : fields["first"] + fields["count"]]

    def _check_clear_counters(self, fields: Fields, data: list[int]) -> Checks:
        return [self._busy]

    def _clear_counters(self, fields: Fields, data: list[int]) -> list[int]:
        self.core.clear()
        return []
