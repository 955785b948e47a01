"""Rung 3: random networks on the golden model and on the Verilated engine, six engines built once.

``make soak`` sets TENZO_SOAK to the number of networks on all engines together.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sim.verilator import SimulationError, build_cocotb, run_cocotb
from tests.sim.start_values import arbitrary_start

SOAK = int(os.environ.get("TENZO_SOAK", "0"))
NETWORKS = -(-SOAK // len(RANDOM_ENGINES)) or 100


def run_networks(name: str, verilog: str, networks: int, folder: Path) -> None:
    """Compare an engine with the golden model; fail with the end of the log."""
    build = build_cocotb(verilog, MODULE_NAME)
    variables = {
        "TENZO_ENGINE": name,
        "TENZO_EXAMPLES": str(networks),
        "TENZO_DERANDOMIZE": str(int(not SOAK)),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    try:
        run_cocotb(build, "tenzo.sim.benches.random_networks", results_dir=folder, env=variables)
    except SimulationError as error:
        log = (folder / "simulation.log").read_text().splitlines()
        pytest.fail("\n".join([str(error).splitlines()[0], *log[-400:]]))
    report = json.loads((folder / "report.json").read_text())
    assert report["networks"] >= networks


@pytest.mark.slow
@pytest.mark.parametrize("name", RANDOM_ENGINES)
def test_golden_model_and_engine_agree_on_random_networks(name: str, tmp_path: Path) -> None:
    run_networks(name, engine_verilog(RANDOM_ENGINES[name]), NETWORKS, tmp_path)


@pytest.mark.slow
def test_no_result_depends_on_what_registers_and_memories_start_with(tmp_path: Path) -> None:
    name = "8x8"
    verilog = engine_verilog(RANDOM_ENGINES[name])
    verilog, registers, memories = arbitrary_start(verilog, 1)
    assert registers == len(re.findall(r"^  initial .*'[hd]", verilog, flags=re.MULTILINE)) > 200
    assert memories == verilog.count("initial begin") - 1 > 5  # the table keeps its words
    run_networks(name, verilog, 40, tmp_path)
