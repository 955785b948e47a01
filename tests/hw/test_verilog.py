import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog, module_name, port_manifest
from tenzo.sim.verilator import lint
from tenzo.sw.engine import EngineParameters
from tenzo.sw.wrappers import AXI_STREAM, WRAPPERS
from tests.hw.synthesis import ecp5_cells
from tests.packet_scripts import SMALL_ENGINES

ENGINE = SMALL_ENGINES["8/8"]


@pytest.mark.parametrize("wrapper", [None, *WRAPPERS])
def test_manifest_has_the_ports_of_the_verilog(wrapper: str | None) -> None:
    manifest = port_manifest(ENGINE, wrapper)
    text = engine_verilog(ENGINE, wrapper)
    assert manifest["module"] == module_name(wrapper)
    module = text[text.index(f"module {manifest['module']}(") :]
    module = module[: module.index("endmodule")]
    found = {
        name: (direction, int(high) + 1 if high else 1)
        for direction, high, name in re.findall(
            r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", module, re.MULTILINE
        )
    }
    listed = {port["name"]: (port["direction"], port["width"]) for port in manifest["ports"]}
    assert listed == found
    assert json.loads(json.dumps(manifest)) == manifest


def test_unknown_wrapper_is_refused() -> None:
    with pytest.raises(ValueError, match="wrapper must be one of axi-stream, not 'wishbone'"):
        engine_verilog(ENGINE, "wishbone")


def test_header_names_the_parameters_and_whose_the_text_is() -> None:
    header = engine_verilog(ENGINE).split("module ", maxsplit=1)[0]
    assert "This file belongs to you" in header
    assert "// lane_count: 3\n" in header
    assert "// activation: 8 bits, 5 fractional\n" in header
    assert f"// digest: {ENGINE.digest:#018x}\n" in header


@pytest.mark.slow
def test_text_is_the_same_in_every_process() -> None:
    script = "from tests.hw.test_verilog import *; print(engine_verilog(ENGINE), end='')"
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {engine_verilog(ENGINE)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SMALL_ENGINES, "default"])
def test_verilog_has_no_lint_warning(name: str) -> None:
    engine = SMALL_ENGINES.get(name, EngineParameters())
    assert lint(engine_verilog(engine), MODULE_NAME) == []


@pytest.mark.slow
def test_verilog_of_a_wrapper_has_no_lint_warning() -> None:
    assert lint(engine_verilog(ENGINE, AXI_STREAM), module_name(AXI_STREAM)) == []


@pytest.mark.slow
def test_icarus_verilog_accepts_the_text(tmp_path: Path, require_tool: Callable[..., str]) -> None:
    (tmp_path / "engine.v").write_text(engine_verilog(ENGINE))
    command = [require_tool("iverilog"), "-Wall", "-o", "engine.vvp", "engine.v"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_yosys_reads_the_text_and_finds_one_multiplier_per_lane(tmp_path: Path) -> None:
    engine = EngineParameters(
        lane_count=2, lane_depth=64, weight_depth=64, bias_depth=16, stage_slots=4, result_depth=8
    )
    cells = ecp5_cells(engine_verilog(engine), tmp_path)
    assert cells["MULT18X18D"] == engine.lane_count


def test_every_memory_keeps_the_attribute_that_avoids_collision_logic() -> None:
    text = engine_verilog(ENGINE)
    memory = r"  reg \[\d+:0\] (?!storage )\S+ \[\d+:0\];\n"  # storage: read without a clock
    count = len(re.findall(memory, text))
    assert count >= ENGINE.lane_count + 5
    assert len(re.findall(r"  \(\* no_rw_check = 32'd1 \*\)\n" + memory, text)) == count
