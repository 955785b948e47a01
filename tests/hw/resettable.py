"""A component whose synchronous reset a test can pull."""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal


def with_reset(component: Any) -> tuple[Module, Signal]:
    """Return a design that holds the component, and the reset."""
    reset = Signal()
    design = Module()
    design.submodules.component = ResetInserter(reset)(component)
    return design, reset
