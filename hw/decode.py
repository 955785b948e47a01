"""Checks of a received packet against the state of the engine, in the documented order."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.compare import exceeds
from tenzo.hw.delay import delayed
from tenzo.hw.interface import PacketLayout
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import (
    LAYOUTS,
    MAX_OUTSTANDING_QUERIES,
    MAX_PAYLOAD_WORDS,
    NakCode,
    Opcode,
)
from tenzo.sw.program import DESCRIPTOR_WORDS

Check = tuple[Value, NakCode]
"""A condition under which a packet is refused, and the code to refuse it with."""


class StateLayout(data.StructLayout):
    """What the checks need to know of the engine: counts, valid flags, outstanding queries."""

    def __init__(self) -> None:
        super().__init__(
            {
                "weight_count": 16,
                "bias_count": 16,
                "stage_count": 8,
                "program_valid": 1,
                "parameters_valid": 1,
                "samples_valid": 1,
                "outstanding": range(MAX_OUTSTANDING_QUERIES + 1),
            }
        )


def field(packet: Any, opcode: Opcode, name: str) -> Value:
    """Return the bits of a payload field, from the definition in :data:`LAYOUTS`.

    Parameters
    ----------
    packet : view of :class:`PacketLayout`
    opcode, name
        Packet and field; an unknown name raises :class:`KeyError`.
    """
    by_name = {field.name: field for field in LAYOUTS[opcode].fields}
    found = by_name[name]
    return packet.head[found.word][found.offset : found.offset + found.width]


class Decoder(wiring.Component):
    """Decoder: decides whether a packet is executed.

    Evaluates the checks of :data:`tenzo.sw.packets.LAYOUTS` in the order written there; the first
    that fails gives ``code``: one cycle compares, the next one chooses. ``done`` is high three
    cycles after ``start``; for ``READ_RESULTS`` one cycle later per lane asked for, at most 257,
    because the size of the response is summed up lane by lane.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    packet : ``In(PacketLayout())``
        Packet without transport error, held until ``done``.
    state : ``In(StateLayout())``
        State of the engine, held until ``done``.
    start : ``In(1)``
        Pulse.
    done : ``Out(1)``
        Pulse: ``code`` and ``result_count`` hold.
    code : ``Out(4)``
        0, or the :class:`NakCode`. Valid until ``start``.
    result_count : ``Out(10)``
        Words of the response to a ``READ_RESULTS`` that is executed.
    """

    packet: Any
    state: Any
    start: Any
    done: Any
    code: Any
    result_count: Any

    def __init__(self, engine: EngineParameters) -> None:
        self._engine = engine
        super().__init__(
            {
                "packet": In(PacketLayout()),
                "state": In(StateLayout()),
                "start": In(1),
                "done": Out(1),
                "code": Out(4),
                "result_count": Out(range(2 * MAX_PAYLOAD_WORDS + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        code = Signal(4)
        checks = {
            opcode: registered(m, [self._length_check(opcode), *self._checks(opcode)])
            for opcode in Opcode
        }
        with m.Switch(self.packet.opcode):
            for opcode in Opcode:
                with m.Case(opcode):
                    add_checks(m, code, checks[opcode])
            with m.Default():
                m.d.comb += code.eq(NakCode.OPCODE)
        counting = self._add_result_count(m)
        checking = Signal()
        with m.If(self.start):
            m.d.sync += checking.eq(1)
        with m.Elif(~counting):
            m.d.sync += checking.eq(0)
        m.d.sync += [self.code.eq(code), self.done.eq(delayed(m, checking & ~counting, 1))]
        return m

    def _add_result_count(self, m: Module) -> Value:
        """Add up ``output_count`` once per lane; return whether that is still going on."""
        lanes = self._field(Opcode.READ_RESULTS, "lane_count")
        outputs = self._field(Opcode.READ_RESULTS, "output_count")
        lane = Signal(range(MAX_PAYLOAD_WORDS + 2))
        counting = Signal()
        m.d.comb += counting.eq(
            (self.packet.opcode == Opcode.READ_RESULTS)
            & (lane != lanes)
            & (outputs != 0)
            & ~self._too_many_results()
        )
        with m.If(self.start):
            m.d.sync += [lane.eq(0), self.result_count.eq(0)]
        with m.Elif(counting):
            m.d.sync += [lane.eq(lane + 1), self.result_count.eq(self.result_count + outputs)]
        return counting

    def _too_many_results(self) -> Value:
        outputs = self._field(Opcode.READ_RESULTS, "output_count")
        return exceeds(self.result_count, MAX_PAYLOAD_WORDS) | exceeds(outputs, MAX_PAYLOAD_WORDS)

    def _field(self, opcode: Opcode, name: str) -> Value:
        return field(self.packet, opcode, name)

    def _length_check(self, opcode: Opcode) -> Check:
        """Return the check of the payload's length against the layout and its ``count``."""
        layout, length = LAYOUTS[opcode], self.packet.length
        if not layout.data:
            return length != layout.words, NakCode.LENGTH
        widths = {
            Opcode.WRITE_PARAMETERS: self._engine.weight.width,
            Opcode.WRITE_SAMPLES: self._engine.activation.width,
        }
        if opcode not in widths:
            return length < layout.words, NakCode.LENGTH
        count = self._field(opcode, "count")
        words = (count + 1)[1:] if widths[opcode] <= 16 else count
        return length != words + layout.words, NakCode.LENGTH

    def _checks(self, opcode: Opcode) -> list[Check]:
        """Return the checks that follow, in the order of the layout's ``checks``."""
        checks = getattr(self, f"_{opcode.name.lower()}_checks", None)
        return checks() if checks else []

    @property
    def _busy(self) -> Check:
        return self.state.outstanding != 0, NakCode.BUSY

    def _configure_checks(self) -> list[Check]:
        engine = self._engine
        weights, biases, stages = (
            self._field(Opcode.CONFIGURE, name)
            for name in ("weight_count", "bias_count", "stage_count")
        )
        too_large = (
            exceeds(weights, engine.weight_depth)
            | exceeds(biases, engine.bias_depth)
            | exceeds(stages, engine.stage_slots)
            | exceeds(weights + biases, 0xFFFF)
        )
        return [self._busy, (too_large, NakCode.ADDRESS)]

    def _write_program_checks(self) -> list[Check]:
        layout = LAYOUTS[Opcode.WRITE_PROGRAM]
        # Compared without a subtraction: the header word in front counts on both sides.
        end = self._field(Opcode.WRITE_PROGRAM, "address") + self.packet.length
        past = end > times_descriptor_words(self.state.stage_count) + layout.words
        return [self._busy, (past, NakCode.ADDRESS)]

    def _write_parameters_checks(self) -> list[Check]:
        opcode = Opcode.WRITE_PARAMETERS
        end = self._field(opcode, "address") + self._field(opcode, "count")
        limit = Mux(self._field(opcode, "bias"), self.state.bias_count, self.state.weight_count)
        return [self._busy, (end > limit, NakCode.ADDRESS)]

    def _write_samples_checks(self) -> list[Check]:
        opcode = Opcode.WRITE_SAMPLES
        end = self._field(opcode, "address") + self._field(opcode, "count")
        lane = self._field(opcode, "lane")
        past = exceeds(lane, self._engine.lane_count - 1) | exceeds(end, self._engine.lane_depth)
        return [(past, NakCode.ADDRESS)]

    def _query_checks(self) -> list[Check]:
        engine, state = self._engine, self.state
        get = {f.name: self._field(Opcode.QUERY, f.name) for f in LAYOUTS[Opcode.QUERY].fields}
        one_hot = get["distribution"] == Distribution.ONE_HOT
        value = (
            (get["seed"] == 0)
            | exceeds(get["seed"], (1 << engine.lfsr.width) - 1)
            | (get["sign"] == 3)
            | (get["bits"] == 0)
            | (one_hot & (get["bits"] != 1))
            | exceeds(get["bits"], engine.max_bits)
            | exceeds(get["epsilon_raw"], engine.weight.max_raw)
            | (get["active_lanes"] == 0)
            | exceeds(get["active_lanes"], engine.lane_count)
        )
        address = (
            (get["first"] > get["last"])
            | (one_hot & (get["last"] != get["first"] + 1))
            | (get["last"] > state.weight_count + state.bias_count)
            | (get["entry"] >= get["stop"])
            | (get["stop"] > state.stage_count)
        )
        ready = state.program_valid & state.parameters_valid & state.samples_valid
        return [
            (value, NakCode.VALUE),
            (address, NakCode.ADDRESS),
            (~ready, NakCode.NOT_READY),
            (state.outstanding == MAX_OUTSTANDING_QUERIES, NakCode.BUSY),
        ]

    def _read_results_checks(self) -> list[Check]:
        opcode = Opcode.READ_RESULTS
        lanes, outputs = self._field(opcode, "lane_count"), self._field(opcode, "output_count")
        outside = (
            exceeds(self._field(opcode, "first_lane") + lanes, self._engine.lane_count)
            | exceeds(self._field(opcode, "first_output") + outputs, self._engine.result_depth)
            | (lanes == 0)
            | (outputs == 0)
        )
        return [
            (outside, NakCode.ADDRESS),
            (self._too_many_results(), NakCode.VALUE),
            (self.state.outstanding == 0, NakCode.EMPTY),
        ]

    def _read_counters_checks(self) -> list[Check]:
        return [self._busy]

    def _read_saturations_checks(self) -> list[Check]:
        opcode = Opcode.READ_SATURATIONS
        count = self._field(opcode, "count")
        past = exceeds(self._field(opcode, "first") + count, self._engine.stage_slots)
        return [self._busy, (past | (count == 0), NakCode.ADDRESS)]

    def _clear_counters_checks(self) -> list[Check]:
        return [self._busy]


def times_descriptor_words(value: Value) -> Value:
    """Return the value times :data:`DESCRIPTOR_WORDS` by shifts: a product would take a DSP."""
    bits = range(DESCRIPTOR_WORDS.bit_length())
    shifted = [value << bit for bit in bits if DESCRIPTOR_WORDS >> bit & 1]
    return sum(shifted[1:], shifted[0])


def registered(m: Module, checks: list[Check]) -> list[Check]:
    """Return the same checks one cycle later."""
    return [(delayed(m, Value.cast(held), 1, reset_less=True), code) for held, code in checks]


def add_checks(m: Module, target: Signal, checks: list[Check]) -> None:
    """Assign the code of the first condition that holds; the checks' order is their priority."""
    for index, (condition, code) in enumerate(checks):
        with m.Elif(condition) if index else m.If(condition):
            m.d.comb += target.eq(code)
