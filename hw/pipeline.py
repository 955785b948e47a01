"""Pipeline control: brings operands, control and writes together at the lanes."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tenzo.hw.delay import delayed
from tenzo.hw.group import result_address_width
from tenzo.hw.interface import SampleWriteLayout
from tenzo.hw.lane import READ_TO_SUM
from tenzo.hw.sequencer import TermLayout, uses_table
from tenzo.hw.turns import Turns, shared_turns
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import ISSUE_TO_READ, ISSUE_TO_WRITE, TABLE_CYCLES

BROADCAST_CYCLES = 2
"""Registers between a signal here and the lanes: one here, one in each cluster."""

ISSUE_TO_CAPTURE = ISSUE_TO_READ + READ_TO_SUM
"""Cycles from the last term's issue to the complete sum."""

WRITE_LINE_CYCLES = ISSUE_TO_WRITE - BROADCAST_CYCLES - 1
"""Cycles from an output's last term to the register that holds its address for all positions."""

CONTROL_FLAGS = ("accumulate", "capture", "strobes", "sample", "counted")
"""Fields of :class:`LaneControlLayout` that reset clears."""


class LaneControlLayout(data.StructLayout):
    """What all lanes share, one cycle before they need it; :class:`Cluster` has the registers.

    The fields belong to different cycles of a term: each comes when its pipeline stage is next.
    ``load_settings`` comes with ``shift``, ``wide`` and ``activation``. Engines with table units
    have the fields of :class:`Turns` as well.
    """

    def __init__(self, engine: EngineParameters) -> None:
        lane_address = ceil_log2(engine.lane_depth)
        super().__init__(
            {
                "read_address": lane_address,
                "weight": signed(engine.weight.width),
                "accumulate": 1,
                "first": 1,
                "start": signed(engine.weight.width + engine.max_bias_shift),
                "capture": 1,
                "load_settings": 1,
                "shift": 6,
                "wide": 1,
                "activation": 3,
                "strobes": engine.requantizer_sharing,
                "to_results": 1,
                "write_address": lane_address,
                "result_write_address": result_address_width(engine),
                "sample": 1,
                "sample_lane": 8,
                "sample_data": signed(engine.activation.width),
                **(shared_turns(engine) if engine.table_units else {}),
            }
        )


class Pipeline(wiring.Component):
    """Delay lines between the sequencer and the lanes.

    The term issued in cycle t meets memory, multiplier and accumulator at fixed cycles; the output
    whose last term was issued in cycle t is written ``ISSUE_TO_WRITE`` cycles later, plus the
    position of its lane. Samples are written in the cycles between: ``sample_write.ready`` is low
    two cycles before a requantizer's write to lane memory, at no other time.

    Throughput is one term a clock cycle. There is no back-pressure on terms.

    On ECP5 the default engine's takes at most 270 LUT4, 4 CCU2C and 370 flip-flops.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    term : ``In(TermLayout(engine))``
        Issue slot.
    weight, bias : ``In(signed(weight width))``
        What the banks hold at the term's addresses, one cycle later.
    result_half : ``In(1)``
        Result buffer that the program writes. Constant while it runs.
    sample_write : ``In(stream.Signature(SampleWriteLayout(engine)))``
        Words for lane memories.
    o : ``Out(LaneControlLayout(engine))``
        Control of all lanes.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__(
            {
                "term": In(TermLayout(engine)),
                "weight": In(signed(engine.weight.width)),
                "bias": In(signed(engine.weight.width)),
                "result_half": In(1),
                "sample_write": In(stream.Signature(SampleWriteLayout(engine))),
                "o": Out(LaneControlLayout(engine)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the delay lines, and one register from which all clusters are fed."""
        m = Module()
        control = Signal(LaneControlLayout(self.engine))
        self._operands(m, control)
        finished = Signal()
        capture = ISSUE_TO_CAPTURE - BROADCAST_CYCLES
        m.d.comb += [
            finished.eq(self.term.valid & self.term.last),
            control.capture.eq(delayed(m, finished, capture)),
            control.load_settings.eq(delayed(m, finished, capture + 1)),
        ]
        settings = (("shift", "shift"), ("wide", "to_results"), ("activation", "activation"))
        for target, source in settings:
            line = delayed(m, self.term[source], capture + 1, reset_less=True)
            m.d.comb += control[target].eq(line)
        if self.engine.table_units:
            table = delayed(m, uses_table(self.term), capture + 1, reset_less=True)
            with m.If(table):
                m.d.comb += control.wide.eq(0)
        self._writes(m, control, finished)
        for name, _ in control.shape():
            register = Signal.like(control[name], name=name, reset_less=name not in CONTROL_FLAGS)
            m.d.sync += register.eq(control[name])
            m.d.comb += self.o[name].eq(register)
        return m

    def _operands(self, m: Module, control: data.View) -> None:
        """Delay weight, start and flags until the product is there."""
        term = self.term
        weight = delayed(m, self.weight, 1, reset_less=True)
        bias = delayed(m, self.bias, 1, reset_less=True)
        added = Signal.like(bias, reset_less=True)
        m.d.sync += added.eq(Mux(delayed(m, term.use_bias, 2, reset_less=True), bias, 0))
        unit_weight = delayed(m, term.unit_weight, 2, reset_less=True)
        to_accumulator = ISSUE_TO_CAPTURE - 1 - BROADCAST_CYCLES
        m.d.comb += [
            control.read_address.eq(term.input_address),
            control.weight.eq(Mux(unit_weight, 1, weight)),
            control.start.eq(added << delayed(m, term.bias_shift, to_accumulator, reset_less=True)),
            control.accumulate.eq(delayed(m, term.valid, to_accumulator)),
            control.first.eq(delayed(m, term.first, to_accumulator, reset_less=True)),
        ]

    def _writes(self, m: Module, control: data.View, finished: Signal) -> None:
        """Hold an output's address while the positions write; let samples in between."""
        sharing = self.engine.requantizer_sharing
        address = Signal.like(self.term.output_address, reset_less=True)
        to_results = Signal(reset_less=True)
        term = self.term
        line = [(finished, term.output_address, term.to_results)]
        if self.engine.table_units:
            strobes = self._table_line(m, control, line, address, to_results)
        else:
            _extend(m, line, WRITE_LINE_CYCLES)
            arriving, next_address, next_to_results = line[-1]
            with m.If(arriving):
                m.d.sync += [address.eq(next_address), to_results.eq(next_to_results)]
            strobes = [delayed(m, arriving, 1)]
            for _ in range(1, sharing):
                strobes.append(delayed(m, strobes[-1], 1))
        position = Signal(ceil_log2(sharing))
        for index, strobe in enumerate(strobes):
            with m.If(strobe):
                m.d.comb += position.eq(index)
        lane_write = Signal()
        sample = self.sample_write
        m.d.comb += [
            lane_write.eq(Cat(strobes).any() & ~to_results),
            sample.ready.eq(~lane_write),
            control.strobes.eq(Cat(strobes)),
            control.to_results.eq(to_results),
            control.write_address.eq(Mux(lane_write, address, sample.payload.address)),
            control.result_write_address.eq(Cat(position, self.result_half, address)),
            control.sample.eq(sample.valid & sample.ready),
            control.sample_lane.eq(sample.payload.lane),
            control.sample_data.eq(sample.payload.data),
        ]
        self._check(m, line, lane_write, address)

    def _table_line(
        self,
        m: Module,
        control: data.View,
        line: list[Any],
        address: Signal,
        to_results: Signal,
    ) -> Sequence[Value]:
        """Lead outputs with sine or tanh past the table, the others around it; return strobes."""
        m.submodules.turns = turns = Turns(self.engine)
        capture = ISSUE_TO_CAPTURE - BROADCAST_CYCLES
        m.d.comb += [
            turns.capture.eq(control.capture),
            turns.table.eq(delayed(m, uses_table(self.term), capture, reset_less=True)),
        ]
        for name in shared_turns(self.engine):
            m.d.comb += control[name].eq(getattr(turns, name))
        _extend(m, line, WRITE_LINE_CYCLES)
        (*fields,) = line[-1]
        table = delayed(m, uses_table(self.term), WRITE_LINE_CYCLES, reset_less=True)
        late = [(fields[0] & table, *fields[1:])]
        _extend(m, late, TABLE_CYCLES)
        for arriving, next_address, next_to_results in (
            (fields[0] & ~table, *fields[1:]),
            late[-1],
        ):
            with m.If(arriving):
                m.d.sync += [address.eq(next_address), to_results.eq(next_to_results)]
        line += late[1:]
        return list(turns.strobes)

    def _check(self, m: Module, line: list[Any], lane_write: Signal, address: Signal) -> None:
        """Check that no term reads a word whose write is to come, or comes in the same cycle."""
        term = self.term
        in_line = [valid & ~results & (term.input_address == at) for valid, at, results in line[1:]]
        in_line.append(lane_write & (term.input_address == address))
        with m.If(term.valid):
            m.d.sync += Assert(~Cat(in_line).any())


def _extend(m: Module, line: list[Any], cycles: int) -> None:
    """Append an output's valid flag and its other fields, delayed by one cycle more each."""
    for _ in range(cycles):
        valid, *fields = line[-1]
        fields = [delayed(m, field, 1, reset_less=True) for field in fields]
        line.append((delayed(m, valid, 1), *fields))
