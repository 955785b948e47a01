"""Table units: sine and tanh of one value a cycle each."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tenzo.hw.delay import delayed
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import TABLE_CYCLES

UNITS_PER_MEMORY = 2
"""Units that read one memory: block memories have two ports."""


class SegmentLayout(data.StructLayout):
    """A word of the table: value at the start of a segment, and what the segment adds to it."""

    def __init__(self, engine: EngineParameters) -> None:
        slopes = engine.table.words[:, :, 1].ravel().tolist()
        width = 1 + max(slope.bit_length() for slope in slopes)
        super().__init__({"base": signed(engine.activation.width), "slope": signed(width)})


class TableUnits(wiring.Component):
    """Units that compute sine and tanh, two to a memory that holds both.

    Software twin: :class:`tenzo.sw.table.Table`, which has the equations.

        argument -> fold -> memory -> operands -> product -> sum -> sign -> value

    Throughput is one value per clock cycle and unit, latency ``TABLE_CYCLES``. There is no
    back-pressure and no valid flag.

    On ECP5 a pair of units for 16-bit activations and 512 segments takes at most 70 LUT4, 50 CCU2C
    and 260 flip-flops besides two multipliers and two block memories.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters, with ``table_units``.
    unit_count : :class:`int`
        Units to build.

    Members
    -------
    argument_0, argument_1, ... : ``In(signed(activation width))``
        Argument of each unit, ``table_frac_bits`` of its bits fractional.
    tanh : ``In(1)``
        The function: tanh, else sine.
    value_0, value_1, ... : ``Out(signed(activation width))``
        The function of the argument ``TABLE_CYCLES`` ago.
    """

    def __init__(self, engine: EngineParameters, unit_count: int) -> None:
        self.engine = engine
        self.unit_count = unit_count
        word = signed(engine.activation.width)
        arguments = {f"argument_{unit}": In(word) for unit in range(unit_count)}
        values = {f"value_{unit}": Out(word) for unit in range(unit_count)}
        super().__init__({"tanh": In(1), **arguments, **values})

    def elaborate(self, platform: object) -> Module:
        """Build the memories and the units behind their ports."""
        m = Module()
        layout = SegmentLayout(self.engine)
        words = [
            {"base": base, "slope": slope}
            for function in self.engine.table.words.tolist()
            for base, slope in function
        ]
        tanh = delayed(m, self.tanh, 1, reset_less=True)
        for first in range(0, self.unit_count, UNITS_PER_MEMORY):
            memory = Memory(shape=layout, depth=len(words), init=words)
            m.submodules[f"memory_{first // UNITS_PER_MEMORY}"] = memory
            for unit in range(first, min(first + UNITS_PER_MEMORY, self.unit_count)):
                self._unit(m, unit, tanh, memory.read_port())
        return m

    def _unit(self, m: Module, unit: int, tanh: Value, port: wiring.PureInterface) -> None:
        """Build one unit: six cycles, one register each."""
        segment_bits, fraction_bits = (
            self.engine.table_segment_bits,
            self.engine.table.fraction_bits,
        )
        argument = delayed(m, getattr(self, f"argument_{unit}"), 1, reset_less=True)
        negative = argument[-1]
        magnitude = Mux(negative, ~argument, argument)[:-1]
        m.d.comb += [
            port.addr[:segment_bits].eq(magnitude[fraction_bits:]),
            port.addr[segment_bits].eq(tanh),
        ]
        fraction = Signal(fraction_bits + 1, name=f"fraction_{unit}", reset_less=True)
        low = magnitude[:fraction_bits] if fraction_bits else Const(0, 0)
        m.d.sync += fraction.eq(low + negative)
        fraction = delayed(m, fraction, 1, reset_less=True)
        word = Signal.like(port.data, name=f"word_{unit}", reset_less=True)
        base = delayed(m, word.base, 1, reset_less=True)
        product = Signal(signed(len(word.slope) + len(fraction)), reset_less=True)
        total = Signal.like(base, name=f"total_{unit}", reset_less=True)
        half = Const((1 << fraction_bits) >> 1, fraction_bits)  # below the base: no second adder
        m.d.sync += [
            word.eq(port.data),
            product.eq(word.slope * fraction),
            total.eq((Cat(half, base).as_signed() + product) >> fraction_bits),
        ]
        negative = delayed(m, negative, TABLE_CYCLES - 2, reset_less=True)
        m.d.sync += getattr(self, f"value_{unit}").eq(Mux(negative, -total, total))
