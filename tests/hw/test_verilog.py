import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog, memory_image, port_manifest
from tenzo.sim.verilator import lint
from tenzo.sw.endpoint import Endpoint
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.packets import RESPONSE_BIT
from tenzo.sw.program import Program, Stage
from tests.hw.synthesis import ecp5_cells
from tests.packet_scripts import SMALL_ENGINES

ENGINE = SMALL_ENGINES["8/8"]


def program(weight_count: int = 5, bias_count: int = 2) -> Program:
    """Return two stages; what they compute does not matter here."""
    stage = Stage(
        counts=(1, 1, 1, 1, 2, 3),
        input_base=0,
        input_strides=(0, 0, 0, 0, 0, 1),
        weight_base=0,
        weight_strides=(0, 0, 0, 0, 1, 1),
        output_base=0,
        output_strides=(0, 0, 0, 0, 1),
        shift=3,
        to_results=True,
        sample_input=True,
    )
    return Program((stage, stage), weight_count, bias_count, 3, (0,), 2, 0)


def image_packets(image: str) -> list[list[int]]:
    """Return the packets of an image, read as ``$readmemh`` reads it."""
    words = [int(line.split("//")[0], 16) for line in image.splitlines() if line[0] != "/"]
    packets: list[list[int]] = [[]]
    for word in words:
        packets[-1].append(word & 0xFFFFFFFF)
        if word >> 32:
            packets.append([])
    assert packets[-1] == []
    return packets[:-1]


def test_image_loads_program_and_parameters() -> None:
    parameters = np.array([1, -2, 127, -128, 0, 5, -6])
    endpoint = Endpoint(ENGINE)
    for packet in image_packets(memory_image(program(), parameters, ENGINE)):
        assert endpoint.exchange(packet)[0] & 0xFF == packet[0] & 0xFF | RESPONSE_BIT
    words = program().encode()
    assert endpoint.core.program[: len(words)] == list(words)
    assert endpoint.core.weights[:5].tolist() == parameters[:5].tolist()
    assert endpoint.core.biases[:2].tolist() == parameters[5:].tolist()


def test_image_says_what_its_words_are() -> None:
    lines = memory_image(program(), np.zeros(7, dtype=np.int64), ENGINE).splitlines()
    assert "// CONFIGURE: weight_count 5, bias_count 2, stage_count 2" in lines
    assert any(line.endswith("  // stage 1 word 17") for line in lines)
    pattern = re.compile(r"//.*|[01][0-9a-f]{8}(  // .*)?")
    assert all(pattern.fullmatch(line) for line in lines)


def test_image_of_wrong_parameters_is_refused() -> None:
    with pytest.raises(UserError, match=r"shape \(7,\), not \(6,\)"):
        memory_image(program(), np.zeros(6, dtype=np.int64), ENGINE)


def test_manifest_has_the_ports_of_the_verilog() -> None:
    manifest = port_manifest(ENGINE)
    text = engine_verilog(ENGINE)
    module = text[text.index(f"module {MODULE_NAME}(") :]
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
    memory = r"  reg \[\d+:0\] (?!storage )\S+ \[\d+:0\];\n"  # storage: a queue of registers
    count = len(re.findall(memory, text))
    assert count >= ENGINE.lane_count + 5
    assert len(re.findall(r"  \(\* no_rw_check = 32'd1 \*\)\n" + memory, text)) == count
