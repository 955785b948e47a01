"""A user's slips at the command line: one sentence, status 2, nothing half written."""

import gzip
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tenzo.sw.training.runs import open_run
from tests.sw.runs_support import run_tenzo, short_arguments


def slip(*arguments):
    """Run a command that must fail with one sentence; return the sentence."""
    result = run_tenzo(*arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("tenzo: ")]
    assert len(lines) == 1, result.stderr
    assert result.stderr.endswith(lines[0] + "\n")
    assert "Traceback" not in result.output
    return lines[0].removeprefix("tenzo: ")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TENZO_DATA", raising=False)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    result = run_tenzo("train", "digits", "-o", str(folder), *short_arguments("training.steps=3"))
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


PAIRS = short_arguments("training.distribution=uniform", "training.bits=5", "engine.max_bits=4")
TRAIN_SLIPS = {
    "unknown preset": (["digit"], "did you mean 'digits'"),
    "misspelt key": (["digits", "--set", "training.bach=3"], "did you mean 'batch'"),
    "modes of another product": (
        ["digits", "--set", "network.layers.0.input_modes=[4, 4, 3]"],
        "make 48, but the layer has 64 inputs",
    ),
    "rank at an end": (
        ["digits", "--set", "network.layers.0.ranks=[2, 4, 4, 1]"],
        "the first and the last 1, not [2, 4, 4, 1]",
    ),
    "lane memory too small": (
        ["digits", "--set", "engine.lane_depth=300"],
        "raise the engine's lane_depth to at least 576",
    ),
    "weight memory too small": (["digits", "--set", "engine.weight_depth=700"], "at least 752"),
    "zero seed": (["digits", "--set", "training.seed=0"], "training.seed must be 1 or more, not 0"),
    "epsilon of zero": (
        ["digits", "--set", "training.epsilon=0.00001"],
        "epsilon 1e-05 rounds to zero",
    ),
    "epsilon as large as the format": (
        ["digits", "--set", "training.epsilon=1.99993"],
        "training.epsilon must leave room for weights",
    ),
    "weights beyond their format": (
        ["digits", "--set", "formats.weight.frac_bits=17"],
        "must hold the initial weights",
    ),
    "more bits than the engine draws": (
        ["digits", *PAIRS],
        "training.bits must be at most 4, the engine's max_bits, not 5",
    ),
    "no steps": (["digits", "--steps", "0"], "training.steps must be at least 1, not 0"),
    "minibatch larger than the data": (["digits", "--set", "training.batch=1288"], "1 to 1287"),
    "unknown device": (
        ["digits", "--device", "gold"],
        "device must be one of float, golden, verilator, serial:PORT, dask:ADDRESS, not 'gold'",
    ),
    "unknown loss": (["digits", "--set", "training.loss=hinge"], "loss must be one of"),
    "loss for other targets": (
        ["digits", "--set", "training.loss=mean-squared-error"],
        "for labels use the loss cross-entropy",
    ),
    "missing npz file": (["digits", "--set", "data={npz='no.npz'}"], "no.npz is not a file"),
    "missing module": (["digits", "--set", "data={entry_point='no_module:f'}"], "no_module"),
    "no data named": (["mnist"], "name it by --data, TENZO_DATA or data.mnist"),
    "missing data folder": (["mnist", "--data", "nowhere"], "nowhere does not exist"),
    "folder for data in none": (["digits", "--data", "."], "this configuration's data is in no"),
    "no value in --set": (["digits", "--set", "seed"], "key=value, not 'seed'"),
    "unknown option": (["digits", "--stepz", "3"], "--stepz"),
    "nothing to resume": (["digits", "--resume"], "no run to resume"),
}


@pytest.mark.parametrize("name", TRAIN_SLIPS)
def test_slip_ends_with_one_sentence_and_no_files(name, empty_folder):
    arguments, words = TRAIN_SLIPS[name]
    assert words in slip("train", *arguments)
    assert os.listdir(empty_folder) == []


def test_unknown_command_names_the_nearest():
    assert slip("trian") == "'trian' is no command: did you mean train?"


def mnist_folder(folder, inputs=28):
    """Write four small files in the format of MNIST."""
    folder.mkdir()
    for name, count in (("train", 20), ("t10k", 10)):
        images = bytes([0, 0, 8, 3]) + b"".join(
            size.to_bytes(4, "big") for size in (count, inputs, inputs)
        )
        (folder / f"{name}-images-idx3-ubyte").write_bytes(images + bytes(count * inputs**2))
        labels = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(count)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(labels)
    return folder


def test_empty_data_folder(tmp_path):
    (tmp_path / "data").mkdir()
    assert "put the four MNIST files there" in slip("train", "mnist", "--data", f"{tmp_path}/data")


def test_truncated_data_file(tmp_path, empty_folder):
    path = mnist_folder(tmp_path / "data") / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    sentence = slip("train", "mnist", "--data", str(path.parent))
    assert "train-images-idx3-ubyte holds" in sentence
    assert os.listdir(empty_folder) == []


def test_truncated_compressed_data_file(tmp_path):
    path = mnist_folder(tmp_path / "data") / "train-images-idx3-ubyte"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(packed[: len(packed) // 2])
    assert "not a whole gzip file" in slip("train", "mnist", "--data", str(path.parent))


def test_data_of_another_size(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.zeros((50, 63)), y=np.zeros(50, np.int64))
    sentence = slip("train", "digits", "--set", f"data={{npz='{path}'}}")
    assert "has 63 features per sample, but the network takes 64" in sentence


def test_data_of_more_classes(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.zeros((50, 64)), y=np.arange(50))
    sentence = slip("train", "digits", "--set", f"data={{npz='{path}'}}")
    assert "has 50 classes, but the network gives 10 outputs" in sentence


def test_data_that_is_not_scaled(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.full((50, 64), 255.0), y=np.zeros(50, np.int64))
    sentence = slip("train", "digits", "--set", f"data={{npz='{path}'}}")
    assert "outside the activation format's -4 to 3.99988" in sentence
    assert "scale them" in sentence


def test_output_folder_with_another_run(run):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    sentence = slip("train", "digits", "--out", str(run), *short_arguments())
    assert sentence.endswith("holds another run: name another with --out, or go on with --resume")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_output_folder_with_other_files(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    assert "is not an empty folder" in slip("train", "digits", "--out", f"{tmp_path}/mine")


def test_output_folder_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in slip("train", "digits", "--out", f"{tmp_path}/file/run")


def test_output_folder_that_is_not_writable(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    asked, access = [], os.access

    def refuse(path, mode):  # rights do not stop the superuser
        asked.append((path, mode))
        return path != tmp_path / "locked" and access(path, mode)

    monkeypatch.setattr(os, "access", refuse)
    assert "cannot be written" in slip("train", "digits", "--out", f"{tmp_path}/locked/run")
    assert (tmp_path / "locked", os.W_OK | os.X_OK) in asked


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that refuses files")
def test_output_folder_that_refuses_files():
    assert "/proc" in slip("train", "digits", "--out", "/proc/run", *short_arguments())


def test_checkpoint_of_another_configuration(run):
    before = (run / "checkpoint.npz").read_bytes()
    sentence = slip("train", "digits", "--out", str(run), "--resume", *short_arguments())
    assert "is of another configuration" in sentence
    assert "its training.steps is 3, not 40" in sentence
    sentence = slip("train", str(run), "--resume", "--set", "training.estimator=cge")
    assert "is of another configuration: its training.estimator is 'rge', not 'cge'" in sentence
    assert (run / "checkpoint.npz").read_bytes() == before
    assert (run / "summary.json").exists()


@pytest.mark.parametrize("command", ["train", "evaluate", "plan"])
def test_damaged_checkpoint(run, command):
    path = run / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100])
    arguments = ["--resume"] if command == "train" else []
    assert "is damaged: restore it" in slip(command, str(run), *arguments)


def test_metrics_shorter_than_the_checkpoint_says(run):
    (run / "metrics.jsonl").write_text("")
    assert "metrics.jsonl has 0 bytes" in slip("train", str(run), "--resume")


def test_evaluating_a_folder_without_a_run(tmp_path):
    assert "holds no run" in slip("evaluate", str(tmp_path))


def test_predicting_from_another_size(run, tmp_path):
    np.savez(tmp_path / "new.npz", x=np.zeros((5, 3)))
    out = tmp_path / "out.npz"
    sentence = slip("predict", str(run), "--input", f"{tmp_path}/new.npz", "--out", str(out))
    assert "(samples, 64), not float64 of shape (5, 3)" in sentence
    assert not out.exists()


def test_predicting_from_a_missing_file(run):
    assert "no.npz is not a file" in slip("predict", str(run), "-i", "no.npz", "-o", "out.npz")


def test_initial_file_is_not_overwritten(empty_folder):
    (empty_folder / "network.toml").write_text("mine")
    assert "exists already" in slip("init")
    assert (empty_folder / "network.toml").read_text() == "mine"


FULL_DISK = """
import resource, signal, sys
from tenzo.sw.cli import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tenzo.sw.training import checkpoint

write, count = checkpoint.save_checkpoint, 0

def limited(*arguments):
    global count
    count += 1
    if count == 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, resource.RLIM_INFINITY))
    write(*arguments)

from tenzo.sw.training import runs
runs.save_checkpoint = limited
main()
"""


def test_full_disk_leaves_the_old_checkpoint(tmp_path):
    folder = tmp_path / "run"
    arguments = ["train", "digits", "-q", "--out", str(folder)]
    arguments += short_arguments("training.checkpoint_steps=10")
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == (
        f"tenzo: {folder}/checkpoint.npz cannot be read or written: file too large\n"
    )
    assert int(open_run(folder).load()["step"]) == 10
    assert sorted(os.listdir(folder)) == ["checkpoint.npz", "config.toml", "metrics.jsonl"]
    assert run_tenzo("train", str(folder), "--resume", "-q").exit_code == 0


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {}])
def test_no_terminal_and_no_colours_are_fine(tmp_path, environment):
    inherited = {k: v for k, v in os.environ.items() if k not in ("TERM", "NO_COLOR")}
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from tenzo.sw.cli import main; main()"),
            *("train", "digits", "--out", str(tmp_path / "run"), *short_arguments()),
        ],
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stdout.splitlines()[-1].startswith("test accuracy: ")
    assert "step 40 of 40" in result.stderr
