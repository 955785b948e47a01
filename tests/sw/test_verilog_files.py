"""Files that go with an engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tenzo.hw.verilog import MODULE_NAME, engine_verilog, port_manifest
from tenzo.sw.cli import main
from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError
from tenzo.sw.link.c_header import c_header, network_header
from tenzo.sw.link.memory_image import memory_image
from tenzo.sw.link.packet_docs import packet_docs
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.planner import plan
from tenzo.sw.training.trained import load_trained
from tenzo.sw.training.training import train
from tenzo.sw.verilog_files import write_verilog

SMALL = ["engine.lane_count=2", "training.steps=2", "training.calibration_samples=8"]


@pytest.mark.slow
def test_preset_is_written_with_initial_weights(tmp_path: Path) -> None:
    config = load_config("digits", SMALL)
    files = write_verilog(config, tmp_path / "out")
    engine, network = config.engine(), config.network()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "network.hex",
        "packets.md",
        "ports.json",
        "tenzo.h",
        "tenzo_driver.c",
        "tenzo_driver.h",
        "tenzo_engine.v",
        "tenzo_example.c",
        "tenzo_network.h",
    ]
    assert files["verilog"].read_text() == engine_verilog(engine)
    assert files["packets"].read_text() == packet_docs()
    assert json.loads(files["ports"].read_text())["module"] == MODULE_NAME
    weights = engine.weight.quantize(initial_vector(network, 1))
    program = plan(network, engine).program
    assert files["image"].read_text() == memory_image(program, weights, engine)
    assert files["header"].read_text() == c_header(engine)
    assert files["network_header"].read_text() == network_header(program, weights, engine)


@pytest.mark.slow
def test_wrapper_gives_the_verilog_its_ports_and_its_name(tmp_path: Path) -> None:
    options = ["--wrapper", "axi-stream", "--set", SMALL[0], "--json", "-q"]
    result = CliRunner().invoke(main, ["verilog", "digits", "-o", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    files = json.loads(result.stdout)
    engine = load_config("digits", SMALL[:1]).engine()
    assert Path(files["verilog"]).name == "tenzo_axi_stream.v"
    assert Path(files["verilog"]).read_text() == engine_verilog(engine, "axi-stream")
    assert json.loads(Path(files["ports"]).read_text()) == port_manifest(engine, "axi-stream")


@pytest.mark.slow
def test_run_is_written_with_trained_weights_and_shifts(tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    config = load_config("digits", SMALL)
    train(config, out=run)
    result = CliRunner().invoke(main, ["verilog", str(run), "-o", str(out), "--json", "-q"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["trained"] is True
    trained = load_trained(run)
    expected = memory_image(trained.plan.program, trained.parameters_raw, config.engine())
    assert Path(document["image"]).read_text() == expected
    initial = config.engine().weight.quantize(initial_vector(config.network(), 1))
    assert not np.array_equal(trained.parameters_raw, initial)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    train(load_config("digits", SMALL), out=folder)
    return folder


@pytest.mark.slow
def test_image_of_a_run_is_laid_out_for_the_engine_that_is_written(
    run: Path, tmp_path: Path
) -> None:
    config = load_config(run, ["engine.lane_depth=600"])
    files = write_verilog(config, tmp_path, run)
    trained, engine = load_trained(run), config.engine()
    planned = plan(config.network(), engine, trained.plan.shifts)
    assert planned.program != trained.plan.program
    expected = memory_image(planned.program, trained.parameters_raw, engine)
    assert files["image"].read_text() == expected


@pytest.mark.parametrize(
    "override",
    ["formats.weight.frac_bits=13", "formats.activation.width=17", "network.layers.1.bias=false"],
)
def test_weights_of_another_network_or_other_formats_are_refused(
    run: Path, tmp_path: Path, override: str
) -> None:
    with pytest.raises(UserError, match=r"of another network or other formats .* train anew"):
        write_verilog(load_config(run, [override]), tmp_path, run)


def test_trained_network_that_does_not_fit_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="weight_depth to at least 752"):
        write_verilog(load_config(run, ["engine.weight_depth=700"]), tmp_path, run)


def test_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="must be a folder, not a file"):
        write_verilog(load_config("digits"), tmp_path / "file")


def test_output_that_cannot_be_made_is_one_sentence() -> None:
    result = CliRunner().invoke(main, ["verilog", "digits", "-o", "/proc/nowhere", "-q"])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "/proc" in result.stderr
