"""Simulated boards against the models, with faults and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenzo.sim.board.board import open_simulated_board
from tenzo.sim.board.process import BoardProcess
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.errors import UserError
from tenzo.sw.link.serial_device import connect, open_serial
from tenzo.sw.link.serial_ports import parse_address
from tenzo.sw.link.serial_transport import SerialTransport
from tests.hw.test_engine import assert_like_model, work
from tests.packet_scripts import SMALL_ENGINES
from tests.sw.runs_support import run_tenzo

ENGINE = SMALL_ENGINES["8/8"]


@pytest.fixture
def small_board() -> Iterator[BoardProcess]:
    with open_simulated_board(ENGINE) as board:
        yield board


def exchange(transport: SerialTransport, packets: list[list[int]]) -> list[list[int]]:
    try:
        return list(transport.exchange(packets))
    finally:
        transport.close()


@pytest.mark.slow
def test_packets_on_the_line_get_the_responses_of_the_model(small_board: BoardProcess) -> None:
    packets = work(ENGINE, 11, 30)
    transport = connect(parse_address(small_board.port))
    assert_like_model(ENGINE, packets, exchange(transport, packets))
    assert transport.repeated == 0


@pytest.mark.slow
@pytest.mark.parametrize(("faults", "seed"), [(1e-3, 1), (1e-3, 2), (5e-3, 3)])
def test_damaged_bytes_change_no_response(faults: float, seed: int) -> None:
    packets = work(ENGINE, 12, 20)
    with open_simulated_board(ENGINE, faults, seed) as board:
        transport = connect(parse_address(board.port))
        responses = exchange(transport, packets)
        traffic = board.close()
    assert_like_model(ENGINE, packets, responses)
    assert transport.repeated > 0
    assert traffic is not None
    assert traffic.damaged_bytes > 0


@pytest.mark.slow
def test_another_divisor_gives_the_same_responses() -> None:
    packets = work(ENGINE, 13, 3)
    with open_simulated_board(ENGINE, divisor=5) as board:
        transport = connect(parse_address(board.port))
        assert_like_model(ENGINE, packets, exchange(transport, packets))


@pytest.mark.slow
def test_a_second_host_finds_the_engine_as_new(small_board: BoardProcess) -> None:
    for seed in range(3):
        open_serial(ENGINE, small_board.port).close()
        transport = connect(parse_address(small_board.port))
        packets = work(ENGINE, seed, 2)
        assert_like_model(ENGINE, packets, exchange(transport, packets))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"faults": 1.5}, "faults must be a probability from 0 to 1, not 1.5"),
        ({"faults": float("nan")}, "faults must be a probability from 0 to 1, not nan"),
        ({"seed": -1}, r"seed must be from 0 to 2\*\*63 - 1, not -1"),
        ({"divisor": 3}, "divisor must be at least 4, not 3"),
    ],
)
def test_slips_are_a_sentence_before_anything_is_built(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        with open_simulated_board(ENGINE, **arguments):
            pass


def metrics(run: Path) -> list[dict[str, Any]]:
    """Records of a run without their times."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if not key.endswith("_seconds")}
        for line in lines
    ]


@pytest.mark.slow
def test_a_run_over_a_line_that_damages_a_byte_in_a_thousand_has_the_golden_metrics(
    tmp_path: Path,
) -> None:
    config = load_config("digits")
    few = load_samples(config).train
    np.savez(tmp_path / "few.npz", x=few.samples_raw[:80] * 2.0**-13, y=few.targets[:80])
    overrides = [f"data={{npz='{tmp_path}/few.npz'}}", "training.log_steps=1", "training.batch=8"]
    train = ["train", "digits", "--steps", "8"]
    for override in (*overrides, "training.queries=4"):
        train += ["--set", override]
    golden, run = tmp_path / "golden", tmp_path / "run"
    assert run_tenzo(*train, "--kernel", "numpy", "-o", str(golden)).exit_code == 0
    with open_simulated_board(config.engine(), 1e-3, seed=5) as board:
        result = run_tenzo(*train, "--device", f"serial:{board.port}", "-o", str(run))
        traffic = board.close()
    assert result.exit_code == 0, result.stderr
    assert metrics(run) == metrics(golden)
    weights = [np.load(folder / "checkpoint.npz")["weights"] for folder in (run, golden)]
    assert np.array_equal(weights[0], weights[1])
    assert traffic is not None
    assert traffic.damaged_bytes > 10
