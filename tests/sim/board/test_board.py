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


TRAIN = ("train", "digits", "--steps", "20", "--set", "training.log_steps=1")
SHORT = ("--set", "training.batch=16", "--set", "training.queries=4")


@pytest.fixture(scope="module")
def golden_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "run"
    assert run_tenzo(*TRAIN, *SHORT, "--kernel", "numpy", "-o", str(folder)).exit_code == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("faults", [0.0, 1e-4, 1e-3])
def test_20_steps_of_digits_have_the_metrics_of_the_golden_model(
    faults: float, golden_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    engine = load_config("digits").engine()
    with open_simulated_board(engine, faults, seed=5) as board:
        result = run_tenzo(*TRAIN, *SHORT, "--device", f"serial:{board.port}", "-o", str(run))
        traffic = board.close()
    assert result.exit_code == 0, result.stderr
    assert metrics(run) == metrics(golden_run)
    weights = [np.load(folder / "checkpoint.npz")["weights"] for folder in (run, golden_run)]
    assert np.array_equal(weights[0], weights[1])
    assert traffic is not None
    assert (traffic.damaged_bytes > 0) == (faults > 0)
