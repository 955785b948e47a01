"""A group: lanes that share one requantizer and one result memory."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tenzo.hw.lane import Lane
from tenzo.hw.memory import simple_memory
from tenzo.hw.requantize import Requantize
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH


def result_address_width(engine: EngineParameters) -> int:
    """Bits of an address in a group's result memory: output, half, position."""
    return ceil_log2(engine.result_depth) + 1 + ceil_log2(engine.requantizer_sharing)


class Group(wiring.Component):
    """Lanes, one requantizer, one result memory.

    ``capture`` takes the sums of all lanes. One after the other they go through the requantizer:
    the lane at position p writes p cycles after the one at position 0.

        cycle   0         1                          6
                capture   position 0 at requantizer  position 0 on write_data
                sum

    Throughput is one capture every ``requantizer_sharing`` cycles, latency six cycles from
    ``capture`` to the write of position 0. There is no back-pressure.

    On ECP5 the default engine's takes at most 70 LUT4, 4 CCU2C and 130 flip-flops besides its
    lanes, requantizer and block memory.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    lane_count : :class:`int`
        Lanes of this group, at most ``requantizer_sharing``.

    Members
    -------
    read_address, weight, accumulate, first, start : ``In``
        As in :class:`Lane`, for all lanes.
    capture : ``In(1)``
        The sums are complete.
    shift, wide, activation : ``In``
        As in :class:`Requantize`; constant from the cycle after ``capture`` for one cycle a lane.
    strobes : ``In(lane_count)``
        Bit p: the value of the lane at position p is at the end of the requantizer.
    to_results : ``In(1)``
        It goes to the result memory, else to lane memory.
    sample : ``In(1)``
        This cycle writes ``sample_data`` to lane memory.
    lane_writes : ``In(lane_count)``
        Lanes that write in this cycle.
    write_address : ``In``
        Where, in lane memory.
    result_write_address : ``In``
        Where, in the result memory.
    active : ``In(lane_count)``
        Lanes whose saturations count.
    saturated : ``Out(1)``
        An active lane's value saturated in this cycle.
    result_read_address : ``In``
        Address in the result memory.
    result_data : ``Out(signed(32))``
        Its value, two cycles later.

    With table units, ``advance`` moves the chain, and a value that leaves the requantizer may be
    written later as its sine or tanh:

    advance : ``In(1)``
        The next cycle is the next position's.
    counted : ``In(lane_count)``
        As ``strobes``, but when the value leaves the requantizer: saturations count then.
    from_table : ``In(1)``
        Write the table's value, not the requantizer's.
    argument : ``Out(signed(activation width))``
        The requantizer's value.
    value : ``In(signed(activation width))``
        The table's.
    """

    def __init__(self, engine: EngineParameters, lane_count: int) -> None:
        self.engine = engine
        self.lane_count = lane_count
        address_width = ceil_log2(engine.lane_depth)
        result_width = result_address_width(engine)
        word = signed(engine.activation.width)
        table = {
            "advance": In(1), "counted": In(lane_count), "from_table": In(1),
            "argument": Out(word), "value": In(word),
        }  # fmt: skip
        super().__init__(
            {
                **(table if engine.table_units else {}),
                "read_address": In(address_width),
                "weight": In(signed(engine.weight.width)),
                "accumulate": In(1),
                "first": In(1),
                "start": In(signed(engine.weight.width + engine.max_bias_shift)),
                "capture": In(1),
                "shift": In(6),
                "wide": In(1),
                "activation": In(3),
                "strobes": In(lane_count),
                "to_results": In(1),
                "sample": In(1),
                "sample_data": In(word),
                "lane_writes": In(lane_count),
                "write_address": In(address_width),
                "result_write_address": In(result_width),
                "active": In(lane_count),
                "saturated": Out(1),
                "result_read_address": In(result_width),
                "result_data": Out(signed(RESULT_WIDTH)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the lanes, the chain that feeds the requantizer, and the result memory."""
        m = Module()
        engine = self.engine
        m.submodules.requantize = requantize = Requantize(
            engine.accumulator_width, engine.activation.width
        )
        finished = requantize.o
        counted = self.strobes
        if engine.table_units:
            finished = Mux(self.from_table, self.value, requantize.o)
            counted = self.counted
            m.d.comb += self.argument.eq(requantize.o)
        written = Signal(signed(engine.activation.width))
        m.d.comb += written.eq(Mux(self.sample, self.sample_data, finished))
        lanes = [Lane(engine) for _ in range(self.lane_count)]
        for position, lane in enumerate(lanes):
            m.submodules[f"lane_{position}"] = lane
            m.d.comb += [
                lane.read_address.eq(self.read_address),
                lane.weight.eq(self.weight),
                lane.accumulate.eq(self.accumulate),
                lane.first.eq(self.first),
                lane.start.eq(self.start),
                lane.write_enable.eq(self.lane_writes[position]),
                lane.write_address.eq(self.write_address),
                lane.write_data.eq(written),
            ]
        m.d.comb += [
            requantize.i.eq(self._chain(m, lanes)),
            requantize.shift.eq(self.shift),
            requantize.wide.eq(self.wide),
            requantize.activation.eq(self.activation),
            self.saturated.eq(requantize.saturated & (counted & self.active).any()),
        ]
        self._results(m, finished)
        return m

    def _chain(self, m: Module, lanes: list[Lane]) -> Signal:
        """Load the sums side by side, then shift them towards position 0."""
        captured = lanes[-1].sum  # shifted in behind the last one: never used
        for position, lane in reversed(list(enumerate(lanes))):
            register = Signal.like(lane.sum, name=f"captured_{position}", reset_less=True)
            if self.engine.table_rounds == 1:
                m.d.sync += register.eq(Mux(self.capture, lane.sum, captured))
            else:
                with m.If(self.capture | self.advance):
                    m.d.sync += register.eq(Mux(self.capture, lane.sum, captured))
            captured = register
        return captured

    def _results(self, m: Module, finished: Value) -> None:
        """Build the result memory, both halves interleaved."""
        depth = self.engine.result_depth << 1 + ceil_log2(self.engine.requantizer_sharing)
        m.submodules.results = results = simple_memory(signed(RESULT_WIDTH), depth)
        write, read = results.write_port(), results.read_port()
        m.d.comb += [
            write.en.eq(self.to_results & self.strobes.any()),
            write.addr.eq(self.result_write_address),
            write.data.eq(finished),
            read.addr.eq(self.result_read_address),
        ]
        m.d.sync += self.result_data.eq(read.data)
