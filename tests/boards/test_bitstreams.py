"""A bitstream by the real tools, of the smallest engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tenzo.sw.cli import main
from tenzo.sw.configuration.config import load_config

pytestmark = pytest.mark.slow

CONFIG = """
[[network.layers]]
inputs = 8
outputs = 4
dense = true

[formats]
activation = { width = 8, frac_bits = 5 }
weight = { width = 8, frac_bits = 6 }

[engine]
max_bits = 1
requantizer_sharing = 1

[training]
steps = 1
batch = 1
epsilon = 0.0625
learning_rate = 0.1
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a build."""
    folder = tmp_path_factory.mktemp("bitstream")
    (folder / "tiny.toml").write_text(CONFIG)
    out = folder / "out"
    arguments = ["--board", "ulx3s-12f", "--clock", "25", "--lanes", "1", "-o", str(out)]
    result = CliRunner().invoke(main, ["build", str(folder / "tiny.toml"), *arguments])
    assert result.exit_code == 0, result.output
    return out


def test_bitstream_meets_its_clock(built: Path) -> None:
    report = json.loads((built / "report.json").read_text())
    assert report["meets_clock"] and report["achieved_mhz"] >= 25
    assert (built / "tenzo_board.bit").read_bytes()[:2] == b"\xff\x00"


def test_resources_are_those_that_were_planned(built: Path) -> None:
    report = json.loads((built / "report.json").read_text())
    used, expected = report["used"], report["expected"]
    assert used["block RAM"][0] == expected["block_rams"]
    assert used["multiplier"][0] == expected["multipliers"]


def test_engine_is_the_configuration_s(built: Path) -> None:
    report = json.loads((built / "report.json").read_text())
    assert report["engine_digest"] == f"{load_config(built).engine().digest:#018x}"


def test_same_commands_make_the_same_bitstream(built: Path) -> None:
    before = (built / "tenzo_board.bit").read_bytes()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    subprocess.run(
        ["sh", "./commands.sh"], cwd=built, check=True, env=environment, capture_output=True
    )
    assert (built / "tenzo_board.bit").read_bytes() == before
