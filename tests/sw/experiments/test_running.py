"""Every experiment in its quick form, side by side on a cluster, and slips in asking for one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.experiments import cluster, running
from tenzo.sw.experiments.definition import experiment_names, load_experiment, parse_experiment
from tenzo.sw.experiments.publishing import index, publish, recompute, results
from tenzo.sw.experiments.running import run_experiment
from tests.sw.experiments.test_definition import SMALL
from tests.sw.runs_support import run_tenzo, start_tenzo

REQUIRED = (
    *("metric", "value", "values", "reference", "parameters", "forward_passes", "steps", "seeds"),
    *("number_format", "command", "commit", "machine"),
)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a cluster of two workers."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.parametrize("name", experiment_names())
def test_quick_form_runs_and_its_weights_give_its_value(
    name: str, scheduler: str, tmp_path: Path
) -> None:
    document, folder = run_experiment(
        load_experiment(name), tmp_path / "run", quick=True, scheduler=scheduler
    )
    assert json.loads((folder / f"{name}.json").read_text()) == json.loads(json.dumps(document))
    assert document.keys() >= set(REQUIRED)
    assert (folder / f"{name}.svg").read_text().startswith("<?xml")
    pages = tmp_path / "results"
    publish(folder, document, pages)
    (published,) = results(pages)
    assert (pages / "README.md").read_text() == index(pages)
    metric = published["metric"].removeprefix("test_")
    for variant in published["variants"]:
        if variant["method"] in ("train", "first-order"):
            runs = [pages / name / f"{variant['folder']}-seed-{seed}" for seed in variant["seeds"]]
            scores = [recompute(run, variant).scores[metric] for run in runs]
            assert scores == variant["values"]
            assert sum(file.stat().st_size for file in runs[0].iterdir()) < 50_000


@pytest.mark.slow
def test_result_does_not_depend_on_the_number_of_workers(scheduler: str, tmp_path: Path) -> None:
    small = parse_experiment("small", SMALL)
    two, _ = run_experiment(small, tmp_path / "two", scheduler=scheduler)
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        one, _ = run_experiment(small, tmp_path / "one", scheduler=cluster.scheduler_address)
    for document in (one, two):
        del document["variants"][0]["seconds"]
    assert one == two


@pytest.mark.slow
def test_interrupted_experiment_goes_on(tmp_path: Path) -> None:
    arguments = ["experiment", "hybrid", "--out", "x"]
    process = start_tenzo(arguments, tmp_path)
    deadline = time.monotonic() + 100
    while not list(tmp_path.glob("x/*/metrics.jsonl")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "stopped by SIGINT: 0 of" in errors and "the same command goes on" in errors
    assert list(tmp_path.glob("x/*/checkpoint.npz"))
    assert not list(tmp_path.glob("x/*/outcome.json"))
    assert "Traceback" not in errors


def test_variants_of_back_propagation_are_left_out_without_pytorch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    variants, skipped = running._available(load_experiment("poisson10"))
    assert [variant.method for variant in variants] == ["train"]
    assert list(skipped.values()) == ["PyTorch is not installed"]


def test_runs_that_fail_are_told_when_the_others_have_ended() -> None:
    ended = [Future("a: too high"), Future(None), Future("b: too low")]
    ticks: list[int] = []
    with pytest.raises(UserError, match=r"^a: too high \(1 more runs failed\)$"):
        cluster._wait(ended, ticks.append)
    assert ticks == [3]


class Future:
    """A job that has ended."""

    def __init__(self, sentence: str | None) -> None:
        self.result = lambda: sentence

    def done(self) -> bool:
        return True


def _malloc_variables() -> list[str]:
    return [name for name in os.environ if name.startswith("MALLOC_")]


@pytest.mark.slow
def test_memory_stays_with_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page that a worker gives back costs it a fault when it takes it again."""
    for name in _malloc_variables():
        monkeypatch.delenv(name)
    with cluster._connect(None, 1) as client:
        assert list(client.run(_malloc_variables).values()) == [[]]


def test_list_names_every_experiment() -> None:
    output = run_tenzo("experiment", "--list").output
    assert [line.split()[0] for line in output.splitlines()] == experiment_names()


def test_unknown_experiment_is_one_sentence() -> None:
    result = run_tenzo("experiment", "mnist-smal")
    assert result.exit_code == 2
    assert "'mnist-smal' is no experiment: did you mean 'mnist-small'?" in result.stderr


def test_missing_data_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENZO_DATA", raising=False)
    out = tmp_path / "x"
    result = run_tenzo("experiment", "mnist-small", "--out", str(out))
    assert result.exit_code == 2
    assert "needs the folder of MNIST: name it by --data or TENZO_DATA" in result.stderr
    result = run_tenzo("experiment", "mnist-small", "--out", str(out), "--data", "no-such")
    assert result.exit_code == 2
    assert "no-such does not exist" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mnist-small", "--quick"), "the quick form of the experiment 'mnist-small': leave out"),
        (("poisson10",), "of no use to the experiment 'poisson10': leave out --data"),
    ],
)
def test_data_that_no_run_takes_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "out"
    result = run_tenzo("experiment", *arguments, "--data", str(tmp_path), "--out", str(out))
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


def test_folder_of_another_experiment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "experiment.json").write_text('{"experiment": "hjb20", "quick": true}')
    result = run_tenzo("experiment", "variance", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "holds the quick form of the experiment 'hjb20': name another" in result.stderr


def test_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    result = run_tenzo("experiment", "variance", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "is not an empty folder" in result.stderr


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_scheduler_that_is_not_there_is_one_sentence(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenzo.sw.experiments.cluster.CONNECT_SECONDS", 1)
    result = run_tenzo(
        "experiment", "variance", "--quick", "--out", str(tmp_path / "x"), "--scheduler", address
    )
    assert result.exit_code == 2
    assert f"--scheduler {address} cannot be reached" in result.stderr


def test_quick_form_is_not_published(tmp_path: Path) -> None:
    result = run_tenzo("experiment", "variance", "--quick", "--write", str(tmp_path / "results"))
    assert result.exit_code == 2
    assert "leave --quick out" in result.stderr
