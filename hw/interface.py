"""Ports between the parts of an engine, each defined once."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature
from amaranth.utils import bits_for, ceil_log2

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.packets import FIXED_WORDS

RESULT_LATENCY = 5
"""Cycles from an address on ``result_read`` to its value on ``result_data``."""

TALLY_LATENCY = 2
"""Cycles from an address on ``tally_read`` to its count on ``tally_data``."""


def parameter_index_width(engine: EngineParameters) -> int:
    """Return the bits of an address in weights and biases together, or of their count."""
    return min(16, bits_for(engine.weight_depth + engine.bias_depth))


class WordLayout(data.StructLayout):
    """A word of a packet: 32 bits, and ``last`` on the word that ends the packet."""

    def __init__(self) -> None:
        super().__init__({"data": 32, "last": 1})


def word_stream() -> stream.Signature:
    """Return the stream of :class:`WordLayout`: what enters and leaves an engine."""
    return stream.Signature(WordLayout())


class PacketLayout(data.StructLayout):
    """A received packet, without the payload words that only block writes need.

    ``length`` counts payload words, ``head`` holds the first of them; what the packet lacks there
    is undefined. ``code`` is 0, or the transport's :class:`NakCode`; then only ``sequence`` is
    defined.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "opcode": 8,
                "sequence": 8,
                "length": 9,
                "code": 4,
                "head": data.ArrayLayout(unsigned(32), FIXED_WORDS),
            }
        )


class ResponseLayout(data.StructLayout):
    """A response to send: ``code`` is 0, or a :class:`NakCode` that replaces opcode and payload."""

    def __init__(self) -> None:
        super().__init__({"opcode": 8, "sequence": 8, "length": 9, "code": 4})


class ResponseWriteLayout(data.StructLayout):
    """A plain write of one payload word of the next response; always accepted."""

    def __init__(self) -> None:
        super().__init__({"valid": 1, "address": 8, "data": 32})


class ProgramWriteLayout(data.StructLayout):
    """A plain write of one descriptor word; always accepted."""

    def __init__(self) -> None:
        super().__init__({"valid": 1, "address": 16, "data": 32})


class ParameterWriteLayout(data.StructLayout):
    """A plain write of one master weight or, with ``bias``, of one bias; always accepted."""

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__(
            {"valid": 1, "bias": 1, "address": 16, "data": signed(engine.weight.width)}
        )


class SampleWriteLayout(data.StructLayout):
    """One word for the memory of one lane."""

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__({"lane": 8, "address": 16, "data": signed(engine.activation.width)})


class QueryLayout(data.StructLayout):
    """A query whose values the controller has checked.

    ``distribution`` and ``sign`` hold the codes of the packet: 0 Rademacher, 1 uniform, 2 binomial,
    3 one-hot; 0 unperturbed, 1 plus, 2 minus. ``epsilon_raw`` is at most the largest weight, so it
    has no sign bit. ``first``, ``last`` and ``entry``, ``stop`` are half-open ranges. Fields are as
    wide as the engine's memories need.
    """

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__(
            {
                "distribution": 2,
                "bits": 4,
                "sign": 2,
                "seed": engine.lfsr.width,
                "epsilon_raw": engine.weight.width - 1,
                "first": parameter_index_width(engine),
                "last": parameter_index_width(engine),
                "entry": bits_for(engine.stage_slots),
                "stop": bits_for(engine.stage_slots),
                "active_lanes": bits_for(engine.lane_count),
                "sample_base": ceil_log2(engine.lane_depth),
            }
        )


class ResultReadLayout(data.StructLayout):
    """Address of one result of the oldest unreleased query."""

    def __init__(self) -> None:
        super().__init__({"lane": 8, "output": 16})


class TallyReadLayout(data.StructLayout):
    """Address of a count, if ``valid``: of an event counter, or of the saturations of a stage slot.

    Counters have the order of ``READ_COUNTERS``.
    """

    def __init__(self) -> None:
        super().__init__({"valid": 1, "is_counter": 1, "index": 8})


class CoreSignature(Signature):
    """Ports of :class:`tenzo.hw.core.Core`, seen from the core.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    weight_count, bias_count : ``In(16)``
        Words used in the two banks. Constant while queries are outstanding.
    program_write : ``In(ProgramWriteLayout())``
        Descriptor word. Comes only while no query is outstanding.
    configure : ``In(1)``
        Pulse: ``weight_count`` or ``bias_count`` may change. Comes only while no query is
        outstanding.
    parameter_write : ``In(ParameterWriteLayout(engine))``
        Master weight or bias. Comes only while no query is outstanding.
    sample_write : ``In(stream.Signature(SampleWriteLayout(engine)))``
        Words for lane memories; waits while the requantizers write.
    query : ``In(stream.Signature(QueryLayout(engine)))``
        Queries. The controller never has more than ``MAX_OUTSTANDING_QUERIES`` accepted and
        not released.
    result_ready : ``Out(1)``
        The oldest query that is not released has finished.
    result_read : ``In(ResultReadLayout())``
        Address of a result of that query; a new one may come every cycle.
    result_data : ``Out(signed(32))``
        Its value, ``RESULT_LATENCY`` cycles after the address.
    result_release : ``In(1)``
        Pulse: that query's results are no longer needed.
    tally_read : ``In(TallyReadLayout())``
        Count to read. Only while no query is outstanding, and not within 8 cycles of an event.
    tally_data : ``Out(32)``
        The count, ``TALLY_LATENCY`` cycles after its address; counts stick at the largest value.
    clear : ``In(1)``
        Pulse: set all counters to zero. Comes only while no query is outstanding.
    clear_busy : ``Out(1)``
        From the cycle after ``clear`` until all counters are zero.
    """

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__(
            {
                "weight_count": In(16),
                "bias_count": In(16),
                "program_write": In(ProgramWriteLayout()),
                "configure": In(1),
                "parameter_write": In(ParameterWriteLayout(engine)),
                "sample_write": In(stream.Signature(SampleWriteLayout(engine))),
                "query": In(stream.Signature(QueryLayout(engine))),
                "result_ready": Out(1),
                "result_read": In(ResultReadLayout()),
                "result_data": Out(signed(RESULT_WIDTH)),
                "result_release": In(1),
                "tally_read": In(TallyReadLayout()),
                "tally_data": Out(32),
                "clear": In(1),
                "clear_busy": Out(1),
            }
        )
