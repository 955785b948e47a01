"""``--kernel`` of the commands, and the same in Python."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenzo.sw.doctor import check_tools
from tenzo.sw.kernels import choice, library
from tenzo.sw.kernels.library import find_library
from tenzo.sw.training.trained import evaluate_run, load_trained, predict_run
from tenzo.sw.training.training import train
from tests.sw.runs_support import run_tenzo, short_arguments, short_config


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same run on every kernel."""
    folder = tmp_path_factory.mktemp("runs")
    names = ["numpy", *find_library().working]
    for name in names:
        train(short_config(), out=folder / name, kernel=name)
    return {name: folder / name for name in names}


def metrics(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if "seconds" not in k} for x in lines]


@pytest.fixture
def not_built(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    choice._announce.cache_clear()
    yield
    choice._announce.cache_clear()


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(find_library(), "working", ("portable",))


def test_training_gives_the_same_metrics_and_weights_on_every_kernel(runs):
    expected = metrics(runs["numpy"]), load_trained(runs["numpy"]).weights.tolist()
    for folder in runs.values():
        assert (metrics(folder), load_trained(folder).weights.tolist()) == expected


def test_the_summary_names_the_kernel(runs):
    for name, folder in runs.items():
        document = json.loads((folder / "summary.json").read_text())
        assert document["kernel"] == ("numpy" if name == "numpy" else f"native {name}")


def test_evaluation_and_prediction_give_the_same_on_every_kernel(runs):
    folder = runs["numpy"]
    features = np.random.default_rng(1).random((70, 64))
    scores = evaluate_run(folder, kernel="numpy")
    outputs = predict_run(folder, features, kernel="numpy").outputs
    for name in runs:
        assert evaluate_run(folder, kernel=name).loss == scores.loss
        assert np.array_equal(predict_run(folder, features, kernel=name).outputs, outputs)


def test_commands_take_a_kernel(runs, tmp_path):
    name = find_library().working[-1]
    out, source = tmp_path / "run", tmp_path / "x.npz"
    arguments = ["train", "digits", "-o", str(out), "--kernel", name, *short_arguments()]
    assert run_tenzo(*arguments).exit_code == 0
    assert json.loads((out / "summary.json").read_text())["kernel"] == f"native {name}"
    np.savez(source, x=np.zeros((3, 64)))
    predicted = ["predict", str(out), "-i", str(source), "-o", str(tmp_path / "y.npz")]
    for arguments in (["evaluate", str(out)], predicted):
        assert run_tenzo(*arguments, "--kernel", name).exit_code == 0


def slip(*arguments):
    result = run_tenzo(*arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", [["train", "digits"], ["evaluate", "RUN"]])
def test_unknown_kernels_are_a_slip(runs, command):
    arguments = [str(runs["numpy"]) if word == "RUN" else word for word in command]
    assert "kernel must be one of numpy, native, " in slip(*arguments, "--kernel", "fast")


def test_a_forced_path_that_the_machine_lacks_is_a_slip(narrow):
    line = slip("train", "digits", "--kernel", "avx512vnni")
    assert line == ("tenzo: kernel 'avx512vnni' needs another processor: this one runs portable")


def test_a_kernel_that_is_not_built_is_a_slip(not_built):
    line = slip("train", "digits", "--kernel", "native")
    assert line.startswith("tenzo: kernel must be numpy here, not 'native': the compiled kernels ")


def test_training_says_that_it_falls_back_to_numpy(not_built, tmp_path):
    out = str(tmp_path / "run")
    result = run_tenzo("train", "digits", "-o", out, *short_arguments())
    assert result.exit_code == 0
    assert result.stderr.count("NumPy computes, several times slower: ") == 1


def test_doctor_names_the_paths_that_work():
    (kernels,) = (tool for tool in check_tools() if tool.name == "kernels")
    assert kernels.version == ", ".join(find_library().working)
    assert not kernels.required


def test_doctor_says_how_to_get_kernels_that_are_not_built(not_built):
    result = run_tenzo("doctor")
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("kernels"))
    assert "missing, needed for training at full speed" in line
    assert "install a C++ compiler" in line
