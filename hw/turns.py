"""Turns: which lane, and which group of a table unit, each cycle after an output belongs to."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tenzo.hw.delay import delayed
from tenzo.hw.requantize import REQUANTIZE_CYCLES
from tenzo.sw.engine import EngineParameters
from tenzo.sw.timing import TABLE_CYCLES


def shared_turns(engine: EngineParameters) -> dict[str, int]:
    """Return the widths of what the lanes of an engine with table units need of :class:`Turns`."""
    rounds = ceil_log2(engine.table_rounds)
    return {
        "advance": 1,
        "round": rounds,
        "write_round": rounds,
        "counted": engine.requantizer_sharing,
        "from_table": 1,
    }


class Turns(wiring.Component):
    """Order of the lanes at a shared requantizer, and of the groups at a shared table unit.

    In an engine with table units, an output of a stage with sine or tanh takes Q =
    ``table_rounds`` cycles for each of the S positions: in cycle q of a position, group q of every
    unit is served. Any other output takes one cycle a position, for all groups. ::

        cycle from capture   1 + p Q + q   advance at q = Q - 1
                             6 + p Q + q   round = q; counted bit p at q = 0
                            12 + p Q + q   strobes bit p, write_round = q

    Without the table, strobes come with ``counted``. Nothing may be captured before the turns of
    the output before it are over.

    On ECP5 that of an engine with two lanes to a requantizer and two groups to a table unit
    takes at most 15 LUT4, 0 CCU2C and 45 flip-flops.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters, with ``table_units``.

    Members
    -------
    capture : ``In(1)``
        The sums of an output are complete.
    table : ``In(1)``
        It belongs to a stage with sine or tanh.
    advance : ``Out(1)``
        The next cycle is the next position's at the requantizer.
    round, write_round : ``Out``
        Group whose value is at the input of its table unit; which writes a value of the table.
    counted : ``Out(requantizer_sharing)``
        Bit p: the value of the lane at position p is at the end of the requantizer, first cycle.
    strobes : ``Out(requantizer_sharing)``
        Bit p: the lane at position p writes.
    from_table : ``Out(1)``
        What it writes comes from the table.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__(
            {
                "capture": In(1),
                "table": In(1),
                "strobes": Out(engine.requantizer_sharing),
                **{name: Out(width) for name, width in shared_turns(engine).items()},
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count positions and groups, and delay what belongs to later cycles."""
        m = Module()
        position = Signal(self.engine.requantizer_sharing)  # one-hot, or zero after the last
        table = Signal(reset_less=True)
        group = Signal(ceil_log2(self.engine.table_rounds), reset_less=True)
        m.d.comb += self.advance.eq(~table | (group == self.engine.table_rounds - 1))
        with m.If(self.capture):
            m.d.sync += [position.eq(1), group.eq(0), table.eq(self.table)]
        with m.Elif(self.advance):
            m.d.sync += [position.eq(position << 1), group.eq(0)]
        with m.Else():
            m.d.sync += group.eq(group + 1)
        served = delayed(m, position, REQUANTIZE_CYCLES)
        m.d.comb += [
            self.round.eq(delayed(m, group, REQUANTIZE_CYCLES, reset_less=True)),
            self.write_round.eq(delayed(m, self.round, TABLE_CYCLES, reset_less=True)),
        ]
        by_table = delayed(m, table, REQUANTIZE_CYCLES, reset_less=True)
        late = delayed(m, Mux(by_table, served, 0), TABLE_CYCLES)
        m.d.comb += [
            self.counted.eq(Mux(self.round == 0, served, 0)),
            self.from_table.eq(late.any()),
            self.strobes.eq(Mux(by_table, 0, served) | late),
        ]
        return m
