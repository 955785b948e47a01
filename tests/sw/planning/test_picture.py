import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.planning.picture import TIMES, draw_plan
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.program import Activation
from tests.sw.runs_support import run_tenzo

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def small_plan() -> Plan:
    train = TensorTrain((3, 4), (5, 2), (1, 3, 1))
    first = Layer(12, 10, train, bias=True, activation=Activation.RELU)
    return plan(Network((first, Layer(10, 3, Dense()))), EngineParameters())


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_stage_shows_its_dimensions_and_costs(small_plan):
    found = texts(draw_plan(small_plan))
    for stage in small_plan.stages:
        sizes = (f"left {stage.left}", f"J {stage.J}", f"K {stage.K}", f"right {stage.right}")
        assert TIMES.join(sizes) in found
        assert any(text.startswith(f"{stage.macs:,} MACs, ") for text in found)


def test_stages_are_named_by_core_bias_and_activation(small_plan):
    found = texts(draw_plan(small_plan))
    assert "stage 0: core 1" in found
    assert "stage 1: core 0, bias, ReLU" in found
    assert "stage 2: matrix" in found


def test_every_layer_has_one_heading(small_plan):
    found = texts(draw_plan(small_plan))
    assert found.count("Layer 0: 12 to 10, tensor train, last core first") == 1
    assert found.count("Layer 1: 10 to 3, dense") == 1


def test_words_between_stages_are_those_of_the_plan(small_plan):
    found = [text for text in texts(draw_plan(small_plan)) if re.match(r"[\d,]+ words", text)]
    written = [stage.left * stage.J * stage.right for stage in small_plan.stages]
    assert found == [
        "12 words (input)",
        f"{written[0]} words",
        "10 words",
        "3 words (results, 32 bits)",
    ]


def test_idle_cycles_are_named_and_counted(small_plan):
    waiting = [stage for stage in small_plan.stages if stage.wait_cycles]
    assert waiting
    found = texts(draw_plan(small_plan))
    for stage in waiting:
        cycles = stage.slots + stage.wait_cycles
        assert f"{stage.macs} MACs, {cycles} cycles, {stage.wait_cycles} idle" in found


@pytest.mark.parametrize("standalone", [True, False])
def test_picture_loads_nothing_and_runs_nothing(small_plan, standalone):
    svg = draw_plan(small_plan, standalone).replace(SVG.strip("{}"), "")
    assert not re.search(r"http|href|@import|<script|url\(", svg)


def test_rectangles_stay_inside(small_plan):
    root = ElementTree.fromstring(draw_plan(small_plan))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter(f"{SVG}rect"):
        if element.attrib["width"] != "100%":
            x, y, w, h = (float(element.attrib[key]) for key in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + w <= width
            assert y + h <= height


def test_command_draws_the_plan_beside_its_table(tmp_path: Path):
    path = tmp_path / "plan.svg"
    result = run_tenzo("plan", "digits", "--picture", str(path))
    assert result.exit_code == 0
    assert "stage" in result.output
    assert "stage 5: core 2, bias" in texts(path.read_text("utf-8"))


def test_picture_in_a_missing_folder_is_a_slip(tmp_path: Path):
    result = run_tenzo("plan", "digits", "--picture", str(tmp_path / "none" / "plan.svg"))
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())
