import json
import os
import re
import subprocess
import sys

import click
import numpy as np
import pytest
from click.testing import CliRunner

from tenzo.sw import cli
from tenzo.sw.configuration.config import load_config, preset_names
from tenzo.sw.data.datasets import load_digits
from tests.sw.runs_support import run_tenzo, short_arguments


def group_of(function):
    """Commands of which there is one, which runs a function."""

    class Group(cli.Commands):
        def list_commands(self, ctx):
            return ["try"]

        def get_command(self, ctx, cmd_name):
            return click.Command(cmd_name, callback=function)

    return Group()


def call(function):
    """Exit status and last words of a command that runs a function."""
    result = CliRunner().invoke(group_of(function), ["try"])
    return result.exit_code, result.stderr


def fail(error):
    def function():
        raise error

    return function


def test_help_lists_exactly_the_commands_that_exist():
    result = run_tenzo("--help")
    assert result.exit_code == 0
    listed = result.output.partition("Commands:")[2].split("\n  ")[1:]
    names = [line.split()[0] for line in listed]
    assert {"train", "evaluate", "predict", "plan", "init", "doctor", "bench"} <= set(names)
    assert not [name for name in names if name.startswith("_")]
    for name in names:
        assert run_tenzo(name, "--help").exit_code == 0


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom tenzo.sw.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('numpy' in sys.modules, 'pydantic' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "False False", result.stderr


def test_returned_number_is_the_exit_status():
    assert call(lambda: 1) == (1, "")
    assert call(lambda: None) == (0, "")


def test_os_error_names_the_file():
    status, words = call(fail(OSError(28, os.strerror(28), "run/checkpoint.npz")))
    assert (status, words) == (
        2,
        "tenzo: run/checkpoint.npz cannot be read or written: no space left on device\n",
    )


def test_interrupt_is_one_sentence():
    assert call(fail(KeyboardInterrupt())) == (130, "\ntenzo: stopped by SIGINT\n")


def test_bug_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        group_of(fail(ZeroDivisionError())).main(["try"])


def test_reader_that_goes_away_is_no_error():
    result = subprocess.run(
        f"{sys.executable} -c 'from tenzo.sw.cli import main; main()' plan digits | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""


def test_train_evaluate_and_predict_agree(tmp_path):
    folder = str(tmp_path / "run")
    trained = run_tenzo("train", "digits", "-q", "--out", folder, *short_arguments())
    last = trained.stdout.splitlines()[-1]
    assert last.startswith("test accuracy: ")
    assert last.endswith(" %")
    assert trained.stderr == ""
    assert run_tenzo("evaluate", folder).stdout == last + "\n"
    document = json.loads(run_tenzo("evaluate", folder, "--json").stdout)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert document["test_accuracy"] == summary["test_accuracy"]
    data = load_digits()
    np.savez(tmp_path / "new.npz", x=data.test_x.reshape(-1, 8, 8))
    out = tmp_path / "out.npz"
    run_tenzo("predict", folder, "--input", str(tmp_path / "new.npz"), "--out", str(out))
    with np.load(out) as file:
        assert np.mean(file["labels"] == data.test_y) == summary["test_accuracy"]
        assert np.array_equal(file["outputs"].argmax(axis=1), file["labels"])


def test_train_prints_its_summary_as_json(tmp_path):
    arguments = ["--json", "-q", "--out", str(tmp_path / "run"), *short_arguments()]
    result = run_tenzo("train", "digits", *arguments)
    assert json.loads(result.stdout) == json.loads((tmp_path / "run" / "summary.json").read_text())


def test_steps_override_the_file(tmp_path):
    arguments = ["--steps", "3", "-q", "--out", str(tmp_path / "run")]
    run_tenzo("train", "digits", *short_arguments(), *arguments)
    assert load_config(tmp_path / "run").training.steps == 3


@pytest.mark.parametrize(
    ("name", "macs", "layers"),
    [("digits", 7840, [6144, 1696]), ("mnist", 101280, [95488, 5792]),
     ("mnist-1024", 366048, [338688, 27360])],
)  # fmt: skip
def test_plan_as_json_has_the_known_costs(name, macs, layers):
    document = json.loads(run_tenzo("plan", name, "--json").stdout)
    assert document["macs"] == macs
    assert [layer["macs"] for layer in document["layers"]] == layers
    assert document["parameters"] == load_config(name).network().parameter_count
    assert {"order", "stages"} <= set(document["layers"][0])


@pytest.mark.parametrize("name", preset_names())
def test_plan_as_a_table_names_stages_memories_and_formats(name):
    result = run_tenzo("plan", name)
    assert result.exit_code == 0
    activations = f"Activations: {load_config(name).engine().activation}"
    for words in ("stage", "wait", "lane", activations, "MACs a pass", "passes on the host"):
        assert words in result.stdout


def test_plan_of_a_run_shows_its_calibrated_shifts(tmp_path):
    folder = str(tmp_path / "run")
    run_tenzo("train", "digits", "-q", "--out", folder, *short_arguments("training.steps=1"))
    planned = [json.loads(run_tenzo("plan", source, "--json").stdout)
               for source in ("digits", folder)]  # fmt: skip
    shifts = [[stage["shift"] for layer in document["layers"] for stage in layer["stages"]]
              for document in planned]  # fmt: skip
    with np.load(tmp_path / "run" / "checkpoint.npz") as file:
        assert shifts[1] == file["shifts"].tolist() != shifts[0]


def test_initial_file_loads_and_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_tenzo("init", "mine").exit_code == 0
    assert load_config("mine.toml").name == "mine"
    assert run_tenzo("train", "mine.toml", "-q", "--steps", "2").exit_code == 0
    assert (tmp_path / "runs" / "mine-1" / "summary.json").exists()


def test_doctor_lists_versions():
    result = run_tenzo("doctor")
    assert re.search(rf"^numpy +{re.escape(np.__version__)}$", result.stdout, re.M)
    document = json.loads(run_tenzo("doctor", "--json").stdout)
    assert {"name": "numpy", "found": True, "version": np.__version__}.items() <= next(
        tool for tool in document if tool["name"] == "numpy"
    ).items()
