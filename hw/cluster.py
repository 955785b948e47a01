"""A cluster: groups behind one set of broadcast registers."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.broadcast import Broadcast
from tenzo.hw.delay import delayed
from tenzo.hw.group import Group, result_address_width
from tenzo.hw.pipeline import LaneControlLayout
from tenzo.hw.requantize import REQUANTIZE_CYCLES
from tenzo.hw.table import TableUnits
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH

CLUSTER_LANES = 8
"""Lanes that share broadcast registers, or one group if that is larger."""

CLUSTER_RESULT_CYCLES = 4
"""Cycles from an address in the result memories to its value."""


def groups_per_cluster(engine: EngineParameters) -> int:
    """Return how many groups fit ``CLUSTER_LANES``, at least those of one table unit."""
    fitting = max(1, CLUSTER_LANES // engine.requantizer_sharing)
    return max(1, fitting // engine.table_rounds) * engine.table_rounds


class Cluster(wiring.Component):
    """Groups that share one register on everything broadcast to them, and their table units.

    Limits the fan-out of weights, addresses and control. Adds one cycle to the control, and one to
    results and saturations.

    On ECP5 the default engine's takes at most 150 LUT4, 18 CCU2C and 80 flip-flops besides its
    groups and broadcast registers.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    first_group, group_count : :class:`int`
        Groups of this cluster.

    Members
    -------
    control : ``In(LaneControlLayout(engine))``
        Control of all lanes, one cycle before its use.
    active_lanes : ``In(9)``
        Lanes whose saturations count. Constant while a program runs.
    saturations : ``Out``
        Values that saturated, two cycles after their strobe on ``control``.
    result_group : ``In(8)``
        Group to read a result from.
    result_address : ``In``
        Address in its result memory.
    result_data : ``Out(signed(32))``
        The value four cycles later, 0 if the group is not in this cluster.
    """

    def __init__(self, engine: EngineParameters, first_group: int, group_count: int) -> None:
        self.engine = engine
        self.first_group = first_group
        self.group_count = group_count
        super().__init__(
            {
                "control": In(LaneControlLayout(engine)),
                "active_lanes": In(9),
                "saturations": Out(range(group_count + 1)),
                "result_group": In(8),
                "result_address": In(result_address_width(engine)),
                "result_data": Out(signed(RESULT_WIDTH)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers and the groups behind them."""
        m = Module()
        m.submodules.broadcast = broadcast = Broadcast(self.engine)
        m.d.comb += [
            broadcast.control.eq(self.control),
            broadcast.active_lanes.eq(self.active_lanes),
        ]
        control = broadcast.held_control
        groups = []
        for index in range(self.group_count):
            groups.append(self._group(m, self.first_group + index, broadcast))
        if self.engine.table_units:
            self._tables(m, groups, control)
        m.d.sync += self.saturations.eq(sum(group.saturated for group in groups))
        address = delayed(m, self.result_address, 1, reset_less=True)
        joined: Value = Const(0)
        for index, group in enumerate(groups):
            selected = delayed(m, self.result_group == self.first_group + index, 3)
            m.d.comb += group.result_read_address.eq(address)
            joined |= Mux(selected, group.result_data, 0)
        m.d.sync += self.result_data.eq(joined)
        return m

    def _group(self, m: Module, number: int, broadcast: Broadcast) -> Group:
        """Build one group and decode which of its lanes are written and active."""
        control = broadcast.held_control
        sharing = self.engine.requantizer_sharing
        first_lane = number * sharing
        lane_count = min(sharing, self.engine.lane_count - first_lane)
        m.submodules[f"group_{number}"] = group = Group(self.engine, lane_count)
        for name in ("read_address", "weight", "accumulate", "first", "start", "capture", "shift",
                     "wide", "activation", "to_results", "write_address",
                     "result_write_address", "sample", "sample_data"):  # fmt: skip
            m.d.comb += getattr(group, name).eq(control[name])
        if self.engine.table_units:
            for name in ("advance", "counted", "from_table"):
                m.d.comb += getattr(group, name).eq(control[name])
        writes = self.control.strobes
        strobes: Value = control["strobes"]
        if self.engine.table_rounds > 1:
            at_turn = self.control.write_round == number % self.engine.table_rounds
            writes = Mux(~self.control.from_table | at_turn, writes, 0)
            strobes = delayed(m, writes, 1)
        lane_writes, active = Signal(lane_count), Signal(lane_count, reset_less=True)
        for position in range(lane_count):
            lane = first_lane + position
            sampled = self.control.sample & (self.control.sample_lane == lane)
            computed = writes[position] & ~self.control.to_results
            m.d.sync += [
                lane_writes[position].eq(sampled | computed),
                active[position].eq(broadcast.held_active_lanes > lane),
            ]
        m.d.comb += [
            group.strobes.eq(strobes),
            group.lane_writes.eq(lane_writes),
            group.active.eq(active),
        ]
        return group

    def _tables(self, m: Module, groups: list[Group], control: data.View) -> None:
        """Build table units, each for the next ``table_rounds`` groups."""
        rounds = self.engine.table_rounds
        served = [groups[first : first + rounds] for first in range(0, len(groups), rounds)]
        m.submodules.tables = tables = TableUnits(self.engine, len(served))
        tanh = control["activation"][0]
        m.d.comb += tables.tanh.eq(delayed(m, tanh, REQUANTIZE_CYCLES, reset_less=True))
        for unit, members in enumerate(served):
            for index, group in enumerate(members):
                m.d.comb += group.value.eq(getattr(tables, f"value_{unit}"))
                with m.If(control["round"] == index):
                    m.d.comb += getattr(tables, f"argument_{unit}").eq(group.argument)


def clusters(engine: EngineParameters) -> list[Cluster]:
    """Return the clusters that hold all lanes of an engine."""
    size = groups_per_cluster(engine)
    return [
        Cluster(engine, first, min(size, engine.group_count - first))
        for first in range(0, engine.group_count, size)
    ]
