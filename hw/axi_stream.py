"""An engine with the ports of AXI4-Stream, to put into a design of one's own."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from tenzo.hw.engine import Engine
from tenzo.sw.engine import EngineParameters

RESET_STAGES = 2
"""Flip-flops of the reset synchroniser."""

PORTS: dict[str, tuple[Any, str]] = {
    "aclk": (In(1), "clock, rising edge"),
    "aresetn": (In(1), "reset, low; may begin and end at any time"),
    "s_axis_tdata": (In(32), "packets: word"),
    "s_axis_tvalid": (In(1), "packets: a word is present"),
    "s_axis_tready": (Out(1), "packets: the word is taken at the next rising edge"),
    "s_axis_tlast": (In(1), "packets: it is the last word of a packet"),
    "m_axis_tdata": (Out(32), "responses: word"),
    "m_axis_tvalid": (Out(1), "responses: a word is present"),
    "m_axis_tready": (In(1), "responses: the word is taken at the next rising edge"),
    "m_axis_tlast": (Out(1), "responses: it is the last word of a response"),
}
"""Ports with direction and width, and what each means."""


class AxiStreamEngine(wiring.Component):
    """Engine between two AXI4-Stream interfaces.

    ::

        s_axis --> Engine --> m_axis
                     ^
        aresetn --> reset synchroniser

    Packets come in on ``s_axis``, responses go out on ``m_axis``, a word of 32 bits a transfer;
    TLAST ends each of them. All bytes of a word count: there is no TKEEP, TSTRB, TID, TDEST or
    TUSER, which AXI4-Stream takes for all bytes and one stream. TVALID never waits for TREADY, and
    stays with its word until TREADY.

    Reset begins at once, also without a clock, and ends two rising edges after ``aresetn`` has
    risen. While it lasts TVALID and TREADY are low, so a word that is offered meanwhile is taken
    later. Throughput is the engine's; the wrapper adds no latency, and on ECP5 a few LUTs and
    :data:`RESET_STAGES` flip-flops.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Formats, lanes and memory sizes.

    Members
    -------
    aclk, aresetn, s_axis_tdata, ...
        As in :data:`PORTS`.
    """

    aclk: Any
    aresetn: Any
    s_axis_tdata: Any
    s_axis_tvalid: Any
    s_axis_tready: Any
    s_axis_tlast: Any
    m_axis_tdata: Any
    m_axis_tvalid: Any
    m_axis_tready: Any
    m_axis_tlast: Any

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__({name: member for name, (member, _) in PORTS.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.reset = ResetSynchronizer(~self.aresetn, domain="sync", stages=RESET_STAGES)
        m.submodules.engine = engine = Engine(self.engine)
        running = ~ResetSignal()
        m.d.comb += [
            ClockSignal().eq(self.aclk),
            engine.i.payload.data.eq(self.s_axis_tdata),
            engine.i.payload.last.eq(self.s_axis_tlast),
            engine.i.valid.eq(self.s_axis_tvalid & running),
            self.s_axis_tready.eq(engine.i.ready & running),
            self.m_axis_tdata.eq(engine.o.payload.data),
            self.m_axis_tlast.eq(engine.o.payload.last),
            self.m_axis_tvalid.eq(engine.o.valid & running),
            engine.o.ready.eq(self.m_axis_tready & running),
        ]
        return m
