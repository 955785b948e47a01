"""The page that compares several runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError
from tenzo.sw.report.comparison import differences, read_groups
from tenzo.sw.report.comparison_page import render_comparison, write_comparison
from tenzo.sw.training.training import train
from tests.sw.report.test_page import Page
from tests.sw.report.test_problem_page import RANDOM, SMALL
from tests.sw.runs_support import run_tenzo, short_config


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """Two finished runs on the digits, and one of a problem."""
    folder = tmp_path_factory.mktemp("comparison")
    train(short_config(), out=folder / "first")
    train(short_config("training.estimator=cge", "training.steps=3"), out=folder / "second")
    train(load_config("hjb20", (*SMALL, *RANDOM)), out=folder / "other")
    return {name: folder / name for name in ("first", "second", "other")}


def page_of(*paths: Path) -> Page:
    return Page(render_comparison(read_groups(paths)))


def test_two_runs_share_four_figures(runs):
    page = page_of(runs["first"], runs["second"])
    assert "Comparison of 2 runs" in page.text
    for over in ("over forward passes", "over steps"):
        assert f"Validation accuracy {over}" in page.text
        assert f"Training loss {over}" in page.text
    swatches = 3 * 2
    assert page.tags["svg"] == 4 + swatches
    assert len(page.ids) == len(set(page.ids)) > 0


def test_page_of_several_runs_is_one_file_without_scripts(runs, tmp_path):
    text = write_comparison(list(runs.values()), tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r"https?://|@import|src=|<script|<link|javascript:", text)
    assert set(re.findall(r"""(?:href=["']|url\()(.)""", text)) <= {"#"}


def test_every_colour_of_a_curve_is_one_of_the_page(runs):
    text = render_comparison(read_groups(list(runs.values())))
    assert not re.search(r"#0[1-9a-b]0[1-9a-b]0[1-9a-b]", text)
    used = set(re.findall(r"var\(--(\w+)\)", text))
    assert used <= set(re.findall(r"--(\w+):", text))


def test_configurations_differ_in_the_keys_that_were_changed(runs):
    (group,) = read_groups([runs["first"], runs["second"]])
    assert differences(group.members) == [
        ("training.steps", ["40", "3"]),
        ("training.estimator", ["rge", "cge"]),
    ]


def test_key_that_only_one_run_has_is_shown(runs, tmp_path):
    train(short_config("engine.table_units=2"), out=tmp_path / "third")
    (group,) = read_groups([runs["first"], tmp_path / "third"])
    assert differences(group.members) == [("engine.table_units", ["\u2013", "2"])]


def test_runs_of_one_configuration_have_no_differences(runs, tmp_path):
    shutil.copytree(runs["first"], tmp_path / "again")
    assert (
        "these runs have the same configuration" in page_of(runs["first"], tmp_path / "again").text
    )


def test_results_are_those_of_the_summaries(runs):
    summary = read_groups([runs["first"]])[0].members[0].run.summary
    assert summary is not None
    text = page_of(runs["first"], runs["second"]).text
    row = text[text.index("device first finished") :]
    assert f"{100 * summary['test_accuracy']:.1f} %" in row[:40]
    assert "826 7,840 16 bits, 13 fractional 16 bits, 14 fractional" in text


def test_runs_of_other_tasks_are_apart(runs):
    page = page_of(*runs.values())
    assert "They learn 2 different things" in page.text
    assert "Data digits" in page.text
    assert "Problem hjb20" in page.text
    assert "Residual loss over forward passes" in page.text
    assert "noted it. A network of zeros has 0.05" in page.text
    assert len(page.ids) == len(set(page.ids))


def test_unfinished_run_says_how_far_it_came(runs, tmp_path):
    shutil.copytree(runs["first"], tmp_path / "half")
    (tmp_path / "half" / "summary.json").unlink()
    assert (
        "half unfinished: step 40 of 40 \u2013" in page_of(runs["second"], tmp_path / "half").text
    )


def test_run_without_any_record_is_shown(runs, tmp_path):
    shutil.copytree(runs["first"], tmp_path / "begun")
    for name in ("summary.json", "checkpoint.npz", "metrics.jsonl"):
        (tmp_path / "begun" / name).unlink()
    text = page_of(runs["first"], tmp_path / "begun").text
    assert "begun unfinished: step 0 of 40" in text


def test_nothing_is_drawn_of_runs_without_records(runs, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(runs["first"], tmp_path / name)
        (tmp_path / name / "metrics.jsonl").write_text("")
    assert "Nothing has been logged yet." in page_of(tmp_path / "a", tmp_path / "b").text


def test_folders_of_one_name_are_told_apart(runs, tmp_path):
    copy = shutil.copytree(runs["first"], tmp_path / "first")
    labels = [member.label for member in read_groups([runs["first"], copy])[0].members]
    assert labels == [str(runs["first"]), str(copy)]


def test_curves_beyond_the_colours_are_dashed(runs):
    text = render_comparison(read_groups([runs["first"], runs["second"]]))
    assert "stroke-dasharray:6 3" not in text
    (group,) = read_groups([runs["first"]])
    members = [type(member)(member.run, str(i), i) for i in range(9) for member in group.members]
    assert "stroke-dasharray:6 3" in render_comparison([type(group)(group.heading, members)])


def test_command_compares_what_it_is_given(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_tenzo("report", str(runs["first"]), str(runs["other"]))
    assert (result.exit_code, result.output) == (0, "comparison.html\n")
    assert (tmp_path / "comparison.html").read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["first", "nowhere"], "nowhere holds no run: name the folder that tenzo train wrote"),
        (["first", "second/../first"], "is named twice: name every run once"),
        (["first", "second", "--data", "."], "--data . must be left out"),
        ([], "Missing argument 'DIR...'."),
    ],
)
def test_slips_are_one_sentence(runs, monkeypatch, arguments, words):
    monkeypatch.chdir(runs["first"].parent)
    result = run_tenzo("report", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("comparison.html").exists()


def test_one_run_is_no_comparison(runs):
    with pytest.raises(UserError, match="two runs or more, not 1"):
        write_comparison([runs["first"]])
