"""One lane: the memory of one sample, a multiplier and an accumulator."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tenzo.hw.memory import simple_memory
from tenzo.sw.engine import EngineParameters

READ_TO_SUM = 4
"""Cycles from a read address to the sum that holds its product."""


class Lane(wiring.Component):
    """Memory, multiplier and accumulator of one sample.

    Computes ``sum = (start if first else sum) + weight * memory[read_address]``. The operands of
    one term come at the pipeline stages where they are needed:

        cycle   0              1        2         3          4
                read_address   memory   operand   product    sum
                                        weight    first, start, accumulate

    Throughput is one term per clock cycle, latency four cycles from ``read_address`` to ``sum``.
    There is no back-pressure. One memory without collision logic; one multiplier up to 18 bits.

    On ECP5 the default engine's takes at most 45 LUT4, 24 CCU2C and 95 flip-flops besides its block
    memory and multiplier.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    read_address : ``In(ceil_log2(lane_depth))``
        Word to multiply.
    weight : ``In(signed(weight width))``
        Its weight, two cycles later.
    accumulate, first : ``In(1)``
        Three cycles later: there is a term; it is the first of its sum.
    start : ``In(signed(weight width + max_bias_shift))``
        Three cycles later: what the sum starts from.
    sum : ``Out(signed(accumulator_width))``
        Sum of the terms up to now.
    write_enable, write_address, write_data : ``In``
        Plain write of one word.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        address_width = ceil_log2(engine.lane_depth)
        super().__init__(
            {
                "read_address": In(address_width),
                "weight": In(signed(engine.weight.width)),
                "accumulate": In(1),
                "first": In(1),
                "start": In(signed(engine.weight.width + engine.max_bias_shift)),
                "sum": Out(signed(engine.accumulator_width)),
                "write_enable": In(1),
                "write_address": In(address_width),
                "write_data": In(signed(engine.activation.width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the four stages."""
        m = Module()
        activation, weight = self.engine.activation, self.engine.weight
        m.submodules.memory = memory = simple_memory(
            signed(activation.width), self.engine.lane_depth
        )
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            read.addr.eq(self.read_address),
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
        ]
        operand = Signal(signed(activation.width), reset_less=True)
        product = Signal(signed(activation.width + weight.width), reset_less=True)
        total = Signal(signed(self.engine.accumulator_width), reset_less=True)
        m.d.sync += [operand.eq(read.data), product.eq(operand * self.weight)]
        with m.If(self.accumulate):
            m.d.sync += total.eq(Mux(self.first, self.start, total) + product)
        m.d.comb += self.sum.eq(total)
        return m
