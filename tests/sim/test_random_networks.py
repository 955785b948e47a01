"""Rung 3: random networks on the golden model and on the Verilated engine, six engines built once.

``make soak`` sets TENZO_SOAK to the number of networks on all engines together.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sim.verilator import SimulationError, build_cocotb, run_cocotb

SOAK = int(os.environ.get("TENZO_SOAK", "0"))
NETWORKS = -(-SOAK // len(RANDOM_ENGINES)) or 100


@pytest.mark.slow
@pytest.mark.parametrize("name", RANDOM_ENGINES)
def test_golden_model_and_engine_agree_on_random_networks(name: str, tmp_path: Path) -> None:
    build = build_cocotb(engine_verilog(RANDOM_ENGINES[name]), MODULE_NAME)
    variables = {
        "TENZO_ENGINE": name,
        "TENZO_EXAMPLES": str(NETWORKS),
        "TENZO_DERANDOMIZE": str(int(not SOAK)),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    try:
        run_cocotb(build, "tenzo.sim.benches.random_networks", results_dir=tmp_path, env=variables)
    except SimulationError as error:
        log = (tmp_path / "simulation.log").read_text().splitlines()
        pytest.fail("\n".join([str(error).splitlines()[0], *log[-400:]]))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["networks"] >= NETWORKS
