"""AXI4-Stream around an engine, on a bus that knows nothing of engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenzo.hw.verilog import AXI_STREAM_MODULE_NAME, engine_verilog
from tenzo.sim.verilator import Build, build_cocotb, run_cocotb
from tenzo.sw.wrappers import AXI_STREAM
from tests.sim.axi_stream_case import ENGINE

BENCH = "tests.sim.axi_stream_bench"


@pytest.fixture(scope="module")
def build() -> Build:
    return build_cocotb(engine_verilog(ENGINE, AXI_STREAM), AXI_STREAM_MODULE_NAME)


@pytest.mark.slow
@pytest.mark.parametrize(
    "testcase",
    [
        "results_are_goldens_at_full_speed",
        "results_are_goldens_with_gaps_and_back_pressure",
        "reset_may_come_and_go_at_any_time",
    ],
)
def test_on_the_bus(build: Build, tmp_path: Path, testcase: str) -> None:
    run_cocotb(build, BENCH, testcase=testcase, results_dir=tmp_path)
