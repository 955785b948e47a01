"""Writer of blocks: from payload words to program, parameter and lane memories."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.decode import field
from tenzo.hw.delay import delayed
from tenzo.hw.interface import (
    PacketLayout,
    ParameterWriteLayout,
    ProgramWriteLayout,
    SampleWriteLayout,
)
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import LAYOUTS, Opcode


class BlockWriter(wiring.Component):
    """Writer of blocks.

    Executes ``WRITE_PROGRAM``, ``WRITE_PARAMETERS`` and ``WRITE_SAMPLES``: unpacks the payload
    words (two values a word up to 16 bits, low half first) and writes them at consecutive
    addresses.

    Throughput is one value per clock cycle; the first is written two cycles after ``start``. If
    ``compact``, a descriptor word takes two cycles, and its address and data stay for both.
    Samples wait while ``sample_write`` is not ready; no value is lost or written twice.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    compact : :class:`bool`
        Write a descriptor word every second cycle at most.

    Members
    -------
    packet : ``In(PacketLayout())``
        Packet that passed all checks, from the cycle before ``start`` until ``done``.
    start : ``In(1)``
        Pulse.
    done : ``Out(1)``
        Low from the cycle after ``start`` until the last value is written.
    payload_address : ``Out(8)``
        Payload word to read.
    payload_data : ``In(32)``
        Its value, one cycle later.
    program_write, parameter_write, sample_write
        Writes, see :class:`tenzo.hw.interface.CoreSignature`.
    """

    packet: Any
    start: Any
    done: Any
    payload_address: Any
    payload_data: Any
    program_write: Any
    parameter_write: Any
    sample_write: Any

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self._engine = engine
        self._compact = compact
        super().__init__(
            {
                "packet": In(PacketLayout()),
                "start": In(1),
                "done": Out(1),
                "payload_address": Out(8),
                "payload_data": In(32),
                "program_write": Out(ProgramWriteLayout()),
                "parameter_write": Out(ParameterWriteLayout(engine)),
                "sample_write": Out(stream.Signature(SampleWriteLayout(engine))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        program = Opcode.WRITE_PROGRAM
        count, address, packed = Signal(16), Signal(16), Signal()
        with m.Switch(self.packet.opcode):
            for opcode, width in (
                (Opcode.WRITE_PARAMETERS, self._engine.weight.width),
                (Opcode.WRITE_SAMPLES, self._engine.activation.width),
            ):
                with m.Case(opcode):
                    m.d.comb += [
                        count.eq(field(self.packet, opcode, "count")),
                        address.eq(field(self.packet, opcode, "address")),
                        packed.eq(width <= 16),
                    ]
            with m.Default():
                m.d.comb += [
                    count.eq(self.packet.length - LAYOUTS[program].words),
                    address.eq(field(self.packet, program, "address")),
                ]
        self._add_unpacking(m, count, address, packed)
        return m

    def _add_unpacking(self, m: Module, count: Value, address: Value, packed: Value) -> None:
        """Read values one by one; each is held in a register until its memory accepts it."""
        remaining, position, high = Signal(16), Signal(8), Signal()
        valid, item_address, item = Signal(), Signal(16), Signal(32)
        move, rest = Signal(), Signal()
        accepted = self._add_outputs(m, valid, item_address, item)
        following = Signal(8)
        first_word = delayed(m, self._first_word(), 1, reset_less=True)
        packed = delayed(m, packed, 1, reset_less=True)
        next_position = Signal.like(position)
        m.d.comb += [
            move.eq((remaining != 0) & (~valid | accepted) & ~rest),
            following.eq(Mux(move & (high | ~packed), next_position, position)),
            self.payload_address.eq(Mux(self.start, first_word, following)),
            self.done.eq((remaining == 0) & ~valid),
        ]
        m.d.sync += [
            position.eq(self.payload_address),
            next_position.eq(self.payload_address + 1),
        ]
        if self._compact:
            m.d.sync += rest.eq(move & (self.packet.opcode == Opcode.WRITE_PROGRAM))
        with m.If(accepted):
            m.d.sync += valid.eq(0)
        with m.If(self.start):
            m.d.sync += [remaining.eq(count), item_address.eq(address - 1), high.eq(0)]
        with m.Elif(move):
            m.d.sync += [
                remaining.eq(remaining - 1),
                high.eq(~high & packed),
                valid.eq(1),
                item_address.eq(item_address + 1),
                item.eq(Mux(high, self.payload_data[16:], self.payload_data)),
            ]

    def _first_word(self) -> Value:
        program, other = (
            LAYOUTS[opcode].words for opcode in (Opcode.WRITE_PROGRAM, Opcode.WRITE_SAMPLES)
        )
        return Mux(self.packet.opcode == Opcode.WRITE_PROGRAM, program, other)

    def _add_outputs(self, m: Module, valid: Value, address: Value, item: Value) -> Value:
        """Send values to the memory that the opcode names; return whether it accepts this one."""
        program, parameters, sampled = (
            delayed(m, self.packet.opcode == opcode, 1, reset_less=True)
            for opcode in (Opcode.WRITE_PROGRAM, Opcode.WRITE_PARAMETERS, Opcode.WRITE_SAMPLES)
        )
        bias = field(self.packet, Opcode.WRITE_PARAMETERS, "bias")
        lane = field(self.packet, Opcode.WRITE_SAMPLES, "lane")
        samples = self.sample_write
        m.d.comb += [
            self.program_write.valid.eq(valid & program),
            Cat(self.program_write.address, self.program_write.data).eq(Cat(address, item)),
            self.parameter_write.valid.eq(valid & parameters),
            self.parameter_write.bias.eq(bias),
            self.parameter_write.address.eq(address),
            self.parameter_write.data.eq(item),
            samples.valid.eq(valid & sampled),
            samples.payload.lane.eq(lane),
            samples.payload.address.eq(address),
            samples.payload.data.eq(item),
        ]
        return valid & (~samples.valid | samples.ready)
