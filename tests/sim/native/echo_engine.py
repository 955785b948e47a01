"""An engine that sends every word back, built as the native device builds engines."""

from __future__ import annotations

from pathlib import Path

from tenzo.sim import native
from tenzo.sim.verilator import Build, build_native

ASSERTED, SWALLOWED = 0xDEAD, 0xBEEF
"""Words that break the assertion, and that are never answered."""

ENGINE = f"""\
module tenzo_engine(
  input clk, input rst,
  input i__valid, input [32:0] i__payload, output i__ready,
  output o__valid, output [32:0] o__payload, input o__ready
);
  assign i__ready = o__ready;
  assign o__payload = i__payload;
  assign o__valid = i__valid & (i__payload[31:0] != 32'd{SWALLOWED}) & ~rst;
  always @(posedge clk) if (i__valid) not_dead: assert (i__payload[31:0] != 32'd{ASSERTED});
endmodule
"""


def build_echo(cache: Path | None = None) -> Build:
    """Build it, or take it from the cache."""
    folder = Path(native.__file__).parent
    text = ENGINE + (folder / "wrapper.v").read_text()
    return build_native(text, "tenzo_native", folder / "loop.cpp", cache=cache)
