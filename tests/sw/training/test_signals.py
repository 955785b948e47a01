"""Real signals at random moments of training, in a process of its own."""

import random
import signal
import time

import pytest

from tenzo.sw.training.checkpoint import load_checkpoint
from tenzo.sw.training.runs import open_run
from tenzo.sw.training.training import train
from tests.sw.runs_support import run_tenzo, short_arguments, short_config, start_tenzo

pytestmark = pytest.mark.slow

LONG = ("training.steps=1200", "training.checkpoint_seconds=0.05")


def outcome(folder):
    """Everything of a run that must not depend on interruptions."""
    ignored = ("elapsed_seconds", "metrics_bytes")
    state = load_checkpoint(folder / "checkpoint.npz")
    arrays = {name: array.tobytes() for name, array in state.items() if name not in ignored}
    records = [
        {name: value for name, value in record.items() if not name.endswith("_seconds")}
        for record in open_run(folder).metrics()
    ]
    return arrays, records


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(short_config(*LONG), out=folder)
    return outcome(folder)


def start(folder, *, resume=False):
    """Start training; come back when it takes signals and the folder of the run is there."""
    arguments = ["train", "digits", "-q", "--out", str(folder), *short_arguments(*LONG)]
    process = start_tenzo(arguments + ["--resume"] * resume, folder.parent)
    wait_for_handler(process)
    while not (folder / "config.toml").exists() and process.poll() is None:
        time.sleep(0.001)
    return process


def wait_for_handler(process):
    """Wait until the process says that it takes signals."""
    assert process.stdout.readline() == "handler is installed\n"


def stop(process, number, delay, again=0):
    """Send a signal after a delay, and more of them at once; return status and last words."""
    time.sleep(delay)
    for _ in range(1 + again):
        process.send_signal(number)
    _, words = process.communicate(timeout=60)
    return process.returncode, words


@pytest.mark.parametrize("seed", range(4))
def test_run_stopped_at_random_moments_ends_with_the_same_bits(seed, unbroken, tmp_path):
    moments = random.Random(seed)
    folder = tmp_path / "run"
    statuses = []
    for attempt in range(30):
        process = start(folder, resume=attempt > 0)
        number = moments.choice([signal.SIGINT, signal.SIGTERM])
        delay = moments.uniform(0, 0.2) if attempt < 4 else 30
        if delay < 30:
            status, words = stop(process, number, delay)
        else:
            _, words = process.communicate(timeout=120)
            status = process.returncode
        statuses.append(status)
        if status == 0:
            break
        assert status == 128 + number, words
        assert len(words.splitlines()) == 1, words
        assert "Traceback" not in words
        load_checkpoint(folder / "checkpoint.npz")
    assert statuses[-1] == 0
    assert len(statuses) > 1, f"seed {seed}: no signal came in time"
    assert outcome(folder) == unbroken


def test_second_signal_damages_nothing(unbroken, tmp_path):
    folder = tmp_path / "run"
    status, words = stop(start(folder), signal.SIGINT, 0.1, again=20)
    assert status == 130
    assert words.startswith("tenzo: stopped by SIGINT at step ")
    assert words.rstrip().endswith(f"the checkpoint is in {folder}, go on with --resume")
    assert run_tenzo("train", str(folder), "--resume", "-q").exit_code == 0
    assert outcome(folder) == unbroken


def test_signal_before_training_writes_nothing(tmp_path):
    process = start_tenzo(["train", "digits", "--out", str(tmp_path / "run")], tmp_path)
    wait_for_handler(process)
    status, words = stop(process, signal.SIGINT, 0)
    assert status == 130, words
    if (tmp_path / "run").exists():  # the machine was fast
        load_checkpoint(tmp_path / "run" / "checkpoint.npz")


def test_killed_process_leaves_a_whole_checkpoint(unbroken, tmp_path):
    folder = tmp_path / "run"
    stop(start(folder), signal.SIGKILL, 0.15)
    assert run_tenzo("train", "digits", "--out", str(folder), "--resume", "-q",
                     *short_arguments(*LONG)).exit_code == 0  # fmt: skip
    assert outcome(folder) == unbroken
