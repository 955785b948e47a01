import re
from xml.etree import ElementTree

import pytest

from tenzo.sw.picture import TIMES, StageView, draw_stages

SVG = "{http://www.w3.org/2000/svg}"


def view(layer: int = 1, name: str = "core 1", **changes: object) -> StageView:
    values: dict[str, object] = {
        "layer": layer,
        "name": name,
        "left": 3,
        "outputs": 5,
        "terms": 7,
        "right": 2,
        "macs": 210,
        "cycles": 217,
        "wait_cycles": 7,
        "shift": 14,
        "activation": "relu",
        "bias": True,
    }
    return StageView(**{**values, **changes})  # type: ignore[arg-type]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_words_are_those_of_the_tensors_around_a_stage():
    assert view().words_in == 3 * 7 * 2
    assert view().words_out == 3 * 5 * 2


def test_picture_names_dimensions_costs_and_words():
    found = texts(draw_stages([view()], ["Layer 1"]))
    for text in (
        "Layer 1",
        "stage 1: core 1, bias, ReLU",
        TIMES.join(["left 3", "J 5", "K 7", "right 2"]),
        "210 MACs, 217 cycles, 7 idle",
        "42 words (input)",
        "30 words (output, 32 bits)",
        "100.0%",
    ):
        assert text in found


def test_each_layer_has_one_heading():
    found = texts(draw_stages([view(), view(), view(2)], ["first", "second"]))
    assert found.count("first") == 1
    assert found.count("second") == 1


def test_shares_of_the_cycles_add_up():
    svg = draw_stages([view(cycles=30), view(cycles=10)], ["a"])
    assert [text for text in texts(svg) if text.endswith("%")] == ["75.0%", "25.0%"]


@pytest.mark.parametrize("standalone", [True, False])
def test_picture_loads_nothing_and_runs_nothing(standalone):
    svg = draw_stages([view()], ["a"], standalone).replace(SVG.strip("{}"), "")
    assert not re.search(r"http|href|@import|<script|url\(", svg)


def test_names_are_escaped():
    svg = draw_stages([view(name="<core & co>")], ["a < b"])
    assert "stage 1: <core & co>, bias, ReLU" in texts(svg)


def test_long_bars_and_labels_stay_inside():
    svg = draw_stages([view(left=40, terms=1600, right=1, outputs=1)], ["a"])
    root = ElementTree.fromstring(svg)
    width = float(root.attrib["viewBox"].split()[2])
    for element in root.iter(f"{SVG}rect"):
        if element.attrib["width"] != "100%":
            assert float(element.attrib["x"]) + float(element.attrib["width"]) <= width
