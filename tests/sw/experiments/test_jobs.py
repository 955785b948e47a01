"""Jobs: resuming, stopping, and what an outcome holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.experiments.jobs import MARKER, STOP, Job, StopFile, run_job
from tenzo.sw.experiments.outcome import read_outcome
from tenzo.sw.training.runs import RunFolder
from tests.sw.runs_support import short_config


def job_in(folder: Path, method: str = "train", **changes: object) -> Job:
    folder.mkdir(exist_ok=True)
    (folder / MARKER).touch()
    document = short_config("training.seed=3").document()
    document["training"].update(changes)
    names = ("variant", 3, method, "golden", "test_accuracy")
    return Job(str(folder), str(folder / "variant-seed-3"), *names, document)


def weights_of(job: Job) -> np.ndarray:
    return RunFolder(Path(job.folder)).load()["weights"]


def test_outcome_is_that_of_the_run(tmp_path: Path) -> None:
    job = job_in(tmp_path / "x")
    assert run_job(job) is None
    outcome, summary = job.outcome(), RunFolder(Path(job.folder)).summary()
    assert outcome is not None
    assert outcome.value == summary["test_accuracy"]
    assert outcome.forward_passes == summary["forward_passes"] == 40 * 8 * 4
    assert [x for x, _ in outcome.curve] == [20 * 32, 40 * 32]


def test_finished_job_is_not_done_again(tmp_path: Path) -> None:
    job = job_in(tmp_path / "x")
    run_job(job)
    files = {path: path.stat().st_mtime_ns for path in Path(job.folder).iterdir()}
    assert run_job(job) is None
    assert {path: path.stat().st_mtime_ns for path in Path(job.folder).iterdir()} == files


@pytest.mark.parametrize("method", ["train", "first-order"])
def test_stopped_job_goes_on_with_the_same_bits(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "first-order":
        pytest.importorskip("torch")
    whole, broken = (job_in(tmp_path / name, method) for name in ("whole", "broken"))
    assert run_job(whole) is None
    stop = tmp_path / "broken" / STOP
    looks = iter(range(1000))
    monkeypatch.setattr(
        StopFile, "check", lambda self: stop.touch() if next(looks) == 25 else _check(self, stop)
    )
    sentence = run_job(broken)
    assert sentence is not None and "of 40" in sentence
    assert broken.outcome() is None
    stop.unlink()
    assert run_job(broken) is None
    assert np.array_equal(weights_of(whole), weights_of(broken))
    first, second = whole.outcome(), broken.outcome()
    assert first is not None and second is not None
    assert (first.value, first.curve) == (second.value, second.curve)


def _check(self: StopFile, stop: Path) -> None:
    if stop.exists():
        raise KeyboardInterrupt


def test_stop_file_is_seen(tmp_path: Path) -> None:
    stop = StopFile(tmp_path / STOP)
    stop.check()
    (tmp_path / STOP).touch()
    later = StopFile(tmp_path / STOP)
    with pytest.raises(KeyboardInterrupt):
        later.check()


def test_outcome_of_another_configuration_is_refused(tmp_path: Path) -> None:
    run_job(job_in(tmp_path / "x"))
    with pytest.raises(UserError, match="holds a run of another configuration"):
        job_in(tmp_path / "x", steps=50).outcome()


def test_damaged_outcome_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outcome.json").write_text("{}")
    with pytest.raises(UserError, match="is damaged"):
        read_outcome(tmp_path, "")


def test_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    job = job_in(tmp_path / "x")
    (tmp_path / "x" / MARKER).unlink()
    assert "a worker does not see" in str(run_job(job))


def test_slip_of_a_run_names_the_run(tmp_path: Path) -> None:
    job = replace(job_in(tmp_path / "x"), metric="relative_l2")
    assert str(run_job(job)).startswith("variant, seed 3: metric 'relative_l2' must be one")


def test_method_and_options_count_for_the_digest(tmp_path: Path) -> None:
    job = job_in(tmp_path / "x")
    others = [replace(job, method="first-order"), replace(job, device="float")]
    measured = [replace(job, method="variance", options={"draws": n}) for n in (1, 2)]
    assert len({each.digest() for each in [job, *others, *measured]}) == 5
