import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tenzo.sim.verdict import Difference, Verdict
from tenzo.sw.configuration.config import parse_config
from tenzo.sw.errors import UserError
from tenzo.sw.report.data import read_run
from tenzo.sw.report.figures import Curve, draw_curves
from tenzo.sw.report.page import render_report, write_report
from tenzo.sw.report.tables import confusion_table
from tenzo.sw.report.words import duration, short
from tenzo.sw.training.trained import evaluate_run
from tenzo.sw.training.training import train
from tests.sw.runs_support import run_tenzo, short_config

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Text, tags and identifiers of a page; fails on tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.tags: Counter[str] = Counter()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.ids += [value for key, value in attrs if key == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    train(short_config(), out=folder, command="tenzo train digits")
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text("utf-8"))


def regression_config(folder: Path):
    generator = np.random.default_rng(1)
    x = generator.random((40, 6))
    np.savez(folder / "data.npz", x=x, y=x[:, :2] * x[:, 2:4])
    document = short_config().document()
    document["network"]["layers"] = [{"inputs": 6, "outputs": 2, "dense": True, "bias": True}]
    document["training"]["loss"] = "mean-squared-error"
    document["data"] = {"npz": str(folder / "data.npz")}
    return parse_config({**document, "name": "table"})


def test_page_is_one_file_without_scripts(run):
    text = write_report(run).read_text("utf-8")
    assert not re.search(r"https?://|@import|src=|<script|<link|javascript:", text)
    assert set(re.findall(r"""(?:href=["']|url\()(.)""", text)) <= {"#"}


def test_identifiers_are_unique(run):
    page = page_of(run)
    assert len(page.ids) == len(set(page.ids)) > 0


def test_page_shows_the_accuracy_that_evaluate_finds(run):
    accuracy = evaluate_run(run).accuracy
    assert accuracy is not None
    assert (
        f"{100 * accuracy:.1f} % test accuracy {round(360 * accuracy)} of 360" in page_of(run).text
    )


def test_page_has_two_curves_and_the_plan(run):
    assert page_of(run).tags["svg"] == 3


def test_page_without_lockstep_names_the_command(run):
    text = page_of(run).text
    assert "No lockstep has been run" in text
    assert f"tenzo cosim {run}" in text


def test_report_of_an_unfinished_run_says_how_far_it_came(run):
    (run / "summary.json").unlink()
    assert f"holds 40 of 40 steps. Go on with: tenzo train {run} --resume" in page_of(run).text


def test_report_works_before_the_first_checkpoint(run):
    for name in ("summary.json", "checkpoint.npz", "metrics.jsonl"):
        (run / name).unlink()
    text = page_of(run).text
    assert "Nothing has been logged yet." in text
    assert "There is no checkpoint yet." in text


def test_record_cut_off_by_a_kill_is_left_out(run):
    with open(run / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 41, "lo')
    assert page_of(run).tags["svg"] == 3


@pytest.mark.parametrize("name", ["summary.json", "checkpoint.npz", "metrics.jsonl", "cosim.json"])
def test_damaged_file_is_named(run, name):
    (run / name).write_text("damaged\n{}\n", "utf-8")
    with pytest.raises(UserError, match=re.escape(f"{run / name} is damaged")):
        write_report(run)
    assert not (run / "report.html").exists()


def test_folder_without_a_run_is_a_slip(tmp_path):
    result = run_tenzo("report", str(tmp_path))
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_command_writes_where_it_is_told(run, tmp_path):
    path = tmp_path / "pages" / "page.html"
    result = run_tenzo("report", str(run), "-o", str(path))
    assert (result.exit_code, result.output) == (0, f"{path}\n")
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert not (run / "report.html").exists()


def test_texts_of_a_run_are_escaped(run):
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    summary["command"] = "<script>alert(1)</script>"
    (run / "summary.json").write_text(json.dumps(summary), "utf-8")
    assert "&lt;script&gt;" in write_report(run).read_text("utf-8")
    assert page_of(run).tags["script"] == 0


def test_saturations_are_shown_stage_by_stage(run):
    record = read_run(run)
    assert record.measurement is not None
    measurement = replace(record.measurement, saturations=np.arange(10, 16))
    counted = replace(record, trained_saturations=np.arange(1000, 1006), measurement=measurement)
    rows = re.findall(r"<tr><td>\d.*?</tr>", render_report(counted), re.DOTALL)
    cells = [re.findall(r">([\d,.]+)</td>", row) for row in rows]
    assert [row[-2:] for row in cells[-6:]] == [[f"{10 + i}", f"1,00{i}"] for i in range(6)]


def test_regression_shows_its_error_and_no_confusion(tmp_path):
    train(regression_config(tmp_path), out=tmp_path / "run")
    text = page_of(tmp_path / "run").text
    assert "relative L2 error 4 test samples" in text
    assert "Confusion matrix" not in text


def test_page_says_that_the_data_is_gone(tmp_path):
    train(regression_config(tmp_path), out=tmp_path / "run")
    (tmp_path / "data.npz").unlink()
    text = page_of(tmp_path / "run").text
    assert "The test data could not be read" in text
    assert "as the run noted it" in text


def test_confusion_counts_the_diagonal_and_names_the_worst():
    table = confusion_table(np.array([[5, 1], [3, 4]]))
    assert (table.correct, table.total) == (9, 13)
    assert [(item.true, item.predicted, item.count) for item in table.worst] == [
        (1, 0, 3),
        (0, 1, 1),
    ]
    assert [[cell.count for cell in row] for row in table.cells] == [[5, 1], [3, 4]]


def test_large_confusion_shows_only_the_worst():
    table = confusion_table(np.eye(30, dtype=np.int64) + np.eye(30, k=1, dtype=np.int64))
    assert table.cells == ()
    assert len(table.worst) == 6


def test_curves_without_points_are_not_drawn():
    assert draw_curves("a", [Curve("none", [], [])], "loss") is None


@pytest.mark.parametrize("values", [[0.5], [1e-9, 1e6], [0.0, 0.0], [-1.0, 5.0]])
def test_curves_of_any_range_are_drawn(values):
    svg = draw_curves("a", [Curve("loss", range(len(values)), values)], "loss")
    assert svg is not None
    assert svg.startswith("<svg")


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999"), (9_999, "9,999"), (192_000, "192 k"), (3_840_000, "3.84 M")]
)
def test_counts_are_shortened(value, text):
    assert short(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.054, "1.05 s"), (150, "2 min"), (7500, "2 h 5 min")]
)
def test_times_are_shortened(seconds, text):
    assert duration(seconds) == text


PASSED = Verdict(3, 12, 3840, 30, 4130, 376848, 376320)


def test_passed_lockstep_says_how_much_was_compared(run):
    (run / "cosim.json").write_text(json.dumps(PASSED.document()), "utf-8")
    text = page_of(run).text
    assert "passed lockstep" in text
    assert "agree: 3 training steps, 3,840 outputs, 30 counters and 4,130 weights compared" in text
    assert "376,848 cycles, of which 99.9 % multiply" in text


def test_failed_lockstep_names_the_first_difference(run):
    difference = Difference("output", 2, 0, 4, "lane memory", 310, 7, -12, -13)
    document = replace(PASSED, difference=difference).document()
    (run / "cosim.json").write_text(json.dumps(document), "utf-8")
    text = page_of(run).text
    assert "failed lockstep" in text
    assert (
        "The first difference is at step 2, query 0, stage 4, lane memory address 310, sample 7: "
        "golden -12, Verilog -13."
    ) in text
