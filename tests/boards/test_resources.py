"""The estimate of an engine's resources against what Yosys makes of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tenzo.boards.catalogue import find_board
from tenzo.boards.design import make_design
from tenzo.boards.running import Silence, run_step
from tenzo.boards.steps import NAME, synthesis
from tenzo.sw.configuration.config import load_config
from tenzo.sw.planning.resources import LUT_MARGIN

pytestmark = pytest.mark.slow

#: Place-and-route counts more: carry chains need cells at their ends.
PLACED = 1.09


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """Return the design of a small ECP5 engine, and its cells by kind."""
    board = find_board("ulx3s-12f")
    design = make_design(load_config("digits"), board, lanes=2)
    folder: Path = tmp_path_factory.mktemp("synthesis")
    (folder / f"{NAME}.v").write_text(design.verilog)
    run_step(synthesis(board), folder, Silence())
    module = json.loads((folder / f"{NAME}.json").read_text())["modules"][NAME]
    return design, Counter(cell["type"] for cell in module["cells"].values())


def test_block_rams_and_multipliers_are_exact(made) -> None:
    design, cells = made
    assert cells["DP16KD"] == design.use.block_rams
    assert cells["MULT18X18D"] == design.use.multipliers


def test_luts_are_within_the_margin(made) -> None:
    design, cells = made
    luts = PLACED * (cells["LUT4"] + 2 * cells["CCU2C"] + 4 * cells["TRELLIS_DPR16X4"])
    assert abs(design.use.luts - luts) <= LUT_MARGIN * luts
