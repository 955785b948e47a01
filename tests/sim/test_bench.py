"""Stream driver and monitor, against a register that passes words on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenzo.sim.verilator import build_cocotb, run_cocotb

REGISTER = """
module register(input clk, input rst, input [32:0] i__payload, input i__valid, output i__ready,
                output reg [32:0] o__payload, output reg o__valid, input o__ready);
  assign i__ready = o__ready | ~o__valid;
  always @(posedge clk)
    if (rst) o__valid <= 0;
    else if (i__ready) begin
      o__valid <= i__valid;
      o__payload <= i__payload;
    end
endmodule
"""


@pytest.mark.slow
def test_the_stream_driver_and_monitor_lose_nothing(tmp_path: Path) -> None:
    build = build_cocotb(REGISTER, "register")
    run_cocotb(build, "tests.sim.echo_bench", results_dir=tmp_path)
