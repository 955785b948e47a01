from xml.etree import ElementTree

import pytest

from tenzo.sw.benchmarks import train
from tenzo.sw.benchmarks.page import write_page
from tenzo.sw.benchmarks.records import Record
from tests.sw.runs_support import run_tenzo

RECORDS = [
    Record("train", "digits", "tenzo", 100.0, "steps/s", 5, 90.0, 110.0),
    Record("train", "digits", "numpy-float32 (one core)", 40.0, "steps/s", 5, 30.0, 50.0),
    Record("startup", "seconds to the end", "tenzo --help", 0.2, "s", 5, 0.1, 0.3),
]


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "performance.md"
    files = write_page(path, RECORDS, {"processor": "a fast one"}, "abc123", "tenzo bench")
    return [file.name for file in files], path


def test_page_has_a_picture_for_each_benchmark(written):
    names, path = written
    assert names == ["performance.md", "performance-train.svg", "performance-startup.svg"]
    assert "![train](performance-train.svg)" in path.read_text()


def test_page_names_machine_commit_command_and_repetitions(written):
    text = written[1].read_text()
    for words in ("| processor | a fast one |", "`tenzo bench`", "commit abc123", "of 5 rep"):
        assert words in text


def test_rows_hold_median_spread_and_ratio(written):
    text = written[1].read_text()
    assert "| numpy-float32 (one core) | 40.0 | 30.0 | 50.0 | steps/s | 2.50 |" in text
    assert "| tenzo --help | 0.20 | 0.10 | 0.30 | s |\n" in text


def test_pictures_are_svg_that_names_contenders(written):
    text = written[1].with_name("performance-train.svg").read_text()
    ElementTree.fromstring(text)
    assert "numpy-float32" in text


def test_the_same_records_give_the_same_bytes(written, tmp_path):
    _, path = written
    again = tmp_path / "again"
    again.mkdir()
    for file in write_page(
        again / path.name, RECORDS, {"processor": "a fast one"}, "abc123", "tenzo bench"
    ):
        assert file.read_bytes() == path.with_name(file.name).read_bytes()


def test_write_makes_the_page(monkeypatch, tmp_path):
    monkeypatch.setattr(train, "STEPS", 5)
    page = tmp_path / "page.md"
    result = run_tenzo("bench", "train", "--repetitions", "1", "--write", str(page))
    assert result.exit_code == 0
    assert "processor: " in result.stderr
    assert "## `tenzo bench train`" in page.read_text()


def test_folder_of_the_page_must_be_there_before_anything_is_measured(tmp_path):
    result = run_tenzo("bench", "train", "--write", str(tmp_path / "none" / "page.md"))
    assert result.exit_code == 2
    assert result.stderr.count("make the folder") == 1
