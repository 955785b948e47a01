"""Coordinate sweeps on the Verilated engine: bits, cycles, and training with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenzo.sim.native.device import open_native
from tenzo.sw.configuration.config import load_config
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tests.sw.runs_support import run_tenzo


@pytest.mark.slow
def test_a_sweep_of_mnist_takes_an_eighth_of_the_cycles_of_whole_networks() -> None:
    config = load_config("mnist")
    engine, network = config.engine(), config.network()
    planned = plan(network, engine)
    device, golden = open_native(engine), GoldenDevice(engine, "native")
    lanes = engine.lane_count, network.inputs
    samples = np.random.default_rng(1).integers(0, engine.activation.max_raw, lanes)
    for each in (device, golden):
        each.load_program(planned.program)
        each.write_parameters(engine.weight.quantize(initial_vector(network, 1)))
    coordinates = [Coordinate(address, 256) for address in range(network.parameter_count)]
    before = device.cycles
    outputs, expected = (
        np.concatenate(
            [part.outputs_raw for part in each.evaluate_coordinates(samples, coordinates)]
        )
        for each in (device, golden)
    )
    cycles = device.cycles - before
    device.close()
    assert np.array_equal(outputs, expected)
    assert device.coordinate_counters.mac_cycles == planned.macs + planned.engine_sweep.macs
    assert 8 * cycles <= len(coordinates) * planned.cycles


@pytest.mark.slow
def test_training_with_coordinates_has_the_metrics_of_the_golden_model(tmp_path: Path) -> None:
    overrides = ("estimator='cge'", "coordinates=120", "batch=11", "log_steps=1")
    settings = [word for item in overrides for word in ("--set", f"training.{item}")]

    def run(device: str) -> list[dict[str, Any]]:
        folder = tmp_path / device
        arguments = ("digits", "--steps", "6", *settings, "--device", device, "-o", str(folder))
        assert run_tenzo("train", *arguments).exit_code == 0
        records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        return [
            {key: value for key, value in record.items() if not key.endswith("_seconds")}
            for record in records
        ]

    assert run("verilator") == run("golden")
