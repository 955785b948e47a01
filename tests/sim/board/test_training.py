"""Training on simulated boards, through their serial lines, has the bits of the golden model."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenzo.sim.board.board import open_simulated_board
from tenzo.sim.board.process import BoardProcess
from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Device
from tenzo.sw.devices import open_device
from tenzo.sw.fleet.device import FleetDevice
from tenzo.sw.training.trainer import Trainer
from tests.sw.runs_support import run_tenzo, short_arguments, short_config

pytestmark = pytest.mark.slow

STEPS = 20
CONFIG = short_config(f"training.steps={STEPS}", "training.batch=16")
ENGINE = CONFIG.engine()


def trajectory(device: Device, between: Callable[[int], None] = lambda step: None) -> Any:
    """Return losses and state of a training on a device, which is closed then."""
    with contextlib.closing(device):
        trainer = Trainer(CONFIG, device, load_samples(CONFIG))
        trainer.start()
        losses = []
        for step in range(STEPS):
            between(step)
            losses.append(trainer.run_step())
        return losses, {name: array.tobytes() for name, array in trainer.state().items()}


@pytest.fixture(scope="module")
def golden():
    return trajectory(open_device("golden", ENGINE))


@contextlib.contextmanager
def killed_at(board: BoardProcess, metrics: Path, lines: int) -> Iterator[None]:
    """Kill a board when a run has so many records."""

    def watch() -> None:
        while not (metrics.exists() and metrics.read_text().count("\n") >= lines):
            if done.wait(0.01):
                return
        os.kill(board.pid, signal.SIGKILL)

    done = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    done.set()
    watcher.join()


@pytest.fixture
def train(tmp_path):
    """Arguments of a training with little data, whose scores take little time."""
    split = load_samples(CONFIG).train
    np.savez(tmp_path / "few.npz", x=split.samples_raw[:160] * 2.0**-13, y=split.targets[:160])
    overrides = [f"data={{npz='{tmp_path}/few.npz'}}", f"training.steps={STEPS}"]
    overrides += ["training.log_steps=1", "training.checkpoint_steps=4"]
    return "train", "digits", *short_arguments(*overrides)


def records(folder: Path) -> list[str]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [line.partition(', "elapsed_seconds"')[0] for line in lines]


@pytest.mark.parametrize("faults", [0.0, 1e-4])
def test_a_board_trains_to_the_golden_bits(faults: float, golden: Any) -> None:
    with open_simulated_board(ENGINE, faults, seed=7) as board:
        assert trajectory(open_device(f"serial:{board.port}", ENGINE)) == golden


def test_three_boards_train_to_the_bits_of_one_and_one_may_be_killed(golden: Any) -> None:
    with contextlib.ExitStack() as opened:
        boards = [opened.enter_context(open_simulated_board(ENGINE)) for _ in range(3)]
        names = [f"serial:{board.port}" for board in boards]
        fleet = open_device(names, ENGINE)
        assert isinstance(fleet, FleetDevice)

        def kill_one(step: int) -> None:
            if step == STEPS // 2:  # until then there are three
                assert fleet.device_count == 3
                os.kill(boards[1].pid, signal.SIGKILL)

        assert trajectory(fleet, kill_one) == golden
        assert fleet.device_count == 2


def test_a_board_that_is_killed_in_training_is_replaced_and_the_run_resumed(
    tmp_path: Path, train: tuple[str, ...]
) -> None:
    assert run_tenzo(*train, "-o", str(tmp_path / "golden")).exit_code == 0
    folder, link = tmp_path / "run", tmp_path / "board"
    arguments = (*train, "-o", str(folder), "--device", f"serial:{link}")
    with open_simulated_board(ENGINE, link=link) as board:
        with killed_at(board, folder / "metrics.jsonl", STEPS // 2):
            broken = run_tenzo(*arguments)
    assert broken.exit_code == 2, broken.output
    assert "is in " in broken.stderr
    assert broken.stderr.endswith("go on with --resume\n")
    with open_simulated_board(ENGINE, link=link):
        resumed = run_tenzo(*arguments, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert records(folder) == records(tmp_path / "golden")
