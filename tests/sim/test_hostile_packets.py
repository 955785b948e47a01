"""Hostile packets to the Verilated engine: it answers like the model and goes on working."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.hostile_packets import HOSTILE_ENGINE
from tenzo.sim.verilator import build_cocotb, run_cocotb

SOAK = int(os.environ.get("TENZO_SOAK", "0"))


@pytest.mark.slow
def test_engine_and_model_answer_hostile_packets_alike(tmp_path: Path) -> None:
    build = build_cocotb(engine_verilog(HOSTILE_ENGINE), MODULE_NAME)
    variables = {
        "TENZO_EXAMPLES": str(SOAK or 300),
        "TENZO_DERANDOMIZE": str(int(not SOAK)),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    run_cocotb(build, "tenzo.sim.benches.hostile_packets", results_dir=tmp_path, env=variables)
