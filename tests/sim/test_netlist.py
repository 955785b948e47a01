"""The netlist that Yosys makes of an engine computes the bits of the golden model."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tenzo.sim.lockstep import Lockstep
from tenzo.sim.netlist import cell_models, ice40_netlist, open_netlist
from tenzo.sim.verdict import Verdict
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.golden.device import GoldenDevice

pytestmark = pytest.mark.slow

CONFIG = load_config(str(Path(__file__).with_name("small.toml")))


@pytest.fixture(scope="module")
def netlist() -> str:
    return ice40_netlist(CONFIG.engine())


def run_step(netlist: str) -> Verdict:
    """Train one step on the netlist and on the golden model, compared in all they return."""
    engine = CONFIG.engine()
    device = open_netlist(engine, netlist)
    try:
        return Lockstep(CONFIG, load_samples(CONFIG), GoldenDevice(engine), device).run(1)
    finally:
        device.close()


def test_a_training_step_has_the_bits_of_the_golden_model(netlist: str) -> None:
    verdict = run_step(netlist)
    assert verdict.passed, verdict.difference
    assert verdict.steps == 1
    assert verdict.outputs > 0
    assert verdict.mac_cycles > 0


def test_multipliers_and_memories_are_in_cells_of_their_own(netlist: str) -> None:
    cells = Counter(re.findall(r"^  (SB_\w+) ", netlist, re.M))
    assert cells["SB_MAC16"] == CONFIG.engine().lane_count
    assert cells["SB_RAM40_4K"] >= 10
    assert sum(count for name, count in cells.items() if name.startswith("SB_DFF")) < 3500


def test_models_are_those_of_the_cells_that_occur() -> None:
    models = cell_models("  SB_LUT4 #(\n  SB_DFFSS _1_ (\n")
    assert re.findall(r"^module (\w+)", models, re.M) == ["SB_LUT4", "SB_DFFSS"]
