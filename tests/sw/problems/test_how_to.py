"""The how-to for problems: its files, as written there, train a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.training.training import train

TEXT = (Path(__file__).parents[3] / "docs" / "how-to-add-a-problem.md").read_text("utf-8")


@pytest.fixture
def wave(tmp_path) -> Path:
    """The configuration of the how-to, with the problem's file beside it."""
    for name, language in (("wave.py", "python"), ("wave.toml", "toml")):
        blocks = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
        (tmp_path / name).write_text("".join(blocks))
    return tmp_path / "wave.toml"


def test_problem_of_the_how_to_takes_less_than_a_hundred_lines(wave) -> None:
    assert len((wave.parent / "wave.py").read_text().splitlines()) < 100


def test_files_of_the_how_to_train_a_network(wave, tmp_path) -> None:
    summary = train(load_config(wave, ["training.steps=80"]), out=tmp_path / "run")
    scores = summary.relative_l2, summary.best_constant, summary.zero_network
    error, constant, zero = (score or 0.0 for score in scores)
    assert 0 < error < 0.5 * constant < zero
