"""What a run directory tells a program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.training.runs import RunFolder

LINES = """{"step": 10, "loss": 2.5, "forward_passes": 320}
{"step": 20, "loss": 2, "forward_passes": 640, "validation_accuracy": 0.5}
"""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    (tmp_path / "metrics.jsonl").write_text(LINES)
    return RunFolder(tmp_path)


def test_curve_is_two_arrays(run):
    steps, losses = run.curve("loss")
    assert (steps.dtype, losses.dtype) == (np.float64, np.float64)
    assert (steps.tolist(), losses.tolist()) == ([10, 20], [2.5, 2])


def test_curve_leaves_out_records_without_its_key(run):
    passes, accuracies = run.curve("validation_accuracy", along="forward_passes")
    assert (passes.tolist(), accuracies.tolist()) == ([640], [0.5])


def test_curve_of_no_records_is_empty(run):
    run.metrics_path.write_text("")
    assert [len(part) for part in run.curve("loss")] == [0, 0]


def test_curve_of_an_unknown_key_names_those_that_there_are(run):
    known = "step, loss, forward_passes, validation_accuracy"
    with pytest.raises(UserError, match=f"holds 'los' and 'step': use one of {known}"):
        run.curve("los")
