"""Broadcast: one cluster's registers on what all lanes share."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.pipeline import CONTROL_FLAGS, LaneControlLayout
from tenzo.sw.engine import EngineParameters

MODULE_PATTERN = "*.broadcast*"
"""Names of these modules in a netlist."""


class Broadcast(wiring.Component):
    """Registers of one cluster on the control of all lanes.

    Latency is one cycle. The settings of an output stay until those of the next one come.

    All clusters have the same registers, and a synthesis that flattens the design makes one of
    them, which then feeds every lane of the part. Where that path is too long, tell it to keep the
    hierarchy of the modules that :data:`MODULE_PATTERN` matches.

    On ECP5 the default engine's takes at most 8 LUT4, 0 CCU2C and 130 flip-flops.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    control : ``In(LaneControlLayout(engine))``
        Control of all lanes, one cycle before its use.
    active_lanes : ``In(9)``
        Lanes whose saturations count.
    held_control : ``Out(LaneControlLayout(engine))``
        Both one cycle later, without ``load_settings`` and ``sample_lane``.
    held_active_lanes : ``Out(9)``
    """

    control: Any
    active_lanes: Any
    held_control: Any
    held_active_lanes: Any

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__(
            {
                "control": In(LaneControlLayout(engine)),
                "active_lanes": In(9),
                "held_control": Out(LaneControlLayout(engine)),
                "held_active_lanes": Out(9),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers."""
        m = Module()
        active_lanes = Signal.like(self.active_lanes, name="active_lanes_held", reset_less=True)
        m.d.sync += active_lanes.eq(self.active_lanes)
        m.d.comb += self.held_active_lanes.eq(active_lanes)
        for name, _ in self.control.shape():
            if name in ("load_settings", "sample_lane"):
                continue
            field = self.control[name]
            register = Signal.like(field, name=name, reset_less=name not in CONTROL_FLAGS)
            if name in ("shift", "wide", "activation"):
                with m.If(self.control.load_settings):
                    m.d.sync += register.eq(field)
            else:
                m.d.sync += register.eq(field)
            m.d.comb += self.held_control[name].eq(register)
        return m
