"""Result read port: finds the lane's group and joins what the clusters return."""

from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from tenzo.hw.group import result_address_width
from tenzo.hw.interface import ResultReadLayout
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH


class Results(wiring.Component):
    """Read port of the result memories of all groups.

    Throughput is one result a clock cycle, latency ``RESULT_LATENCY`` cycles. There is no
    back-pressure.

    On ECP5 the default engine's takes at most 40 LUT4, 4 CCU2C and 40 flip-flops.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    cluster_count : :class:`int`
        Clusters to read from.

    Members
    -------
    read : ``In(ResultReadLayout())``
        Lane and output.
    half : ``In(1)``
        Result buffer to read.
    data : ``Out(signed(32))``
        The result.
    group, address : ``Out``
        To the clusters.
    cluster_data : ``In(ArrayLayout(signed(32), cluster_count))``
        From the clusters; all but one are zero.
    """

    def __init__(self, engine: EngineParameters, cluster_count: int) -> None:
        self.engine = engine
        super().__init__(
            {
                "read": In(ResultReadLayout()),
                "half": In(1),
                "data": Out(signed(RESULT_WIDTH)),
                "group": Out(8),
                "address": Out(result_address_width(engine)),
                "cluster_data": In(data.ArrayLayout(signed(RESULT_WIDTH), cluster_count)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Split the lane number, register the joined data."""
        m = Module()
        group, position = self._split()
        output = self.read.output[: ceil_log2(self.engine.result_depth)]
        position_bits = Signal(ceil_log2(self.engine.requantizer_sharing))
        joined = reduce(or_, list(self.cluster_data))
        m.d.comb += [
            position_bits.eq(position),
            self.group.eq(group),
            self.address.eq(Cat(position_bits, self.half, output)),
        ]
        m.d.sync += self.data.eq(joined)
        return m

    def _split(self) -> tuple[Value, Value]:
        """Return a lane's group and its position there."""
        sharing, lanes = self.engine.requantizer_sharing, self.engine.lane_count
        if sharing & (sharing - 1) == 0:
            bits = exact_log2(sharing)
            return self.read.lane[bits:], self.read.lane[:bits]
        groups = Array(Const(lane // sharing, 8) for lane in range(lanes))
        positions = Array(Const(lane % sharing, 4) for lane in range(lanes))
        return groups[self.read.lane], positions[self.read.lane]
