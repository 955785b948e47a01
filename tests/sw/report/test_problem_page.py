"""The page about a run that solves a differential equation, and about coordinate-wise gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.devices import open_device
from tenzo.sw.problems.black_scholes import BlackScholes
from tenzo.sw.report.data import read_run
from tenzo.sw.report.page import render_report, write_report
from tenzo.sw.report.slices import chosen_inputs, solution_slice
from tenzo.sw.report.solution import draw_slice
from tenzo.sw.training.runs import RunFolder
from tenzo.sw.training.trained import predict_run
from tenzo.sw.training.training import train
from tests.sw.report.test_page import Page
from tests.sw.runs_support import short_config

SMALL = (
    "training.batch=4",
    "training.steps=4",
    "training.log_steps=1",
    "training.evaluate_steps=2",
    "training.calibration_samples=16",
    "problem.test_points=50",
    "problem.validation_points=20",
)
RANDOM = ("training.estimator=rge", "training.queries=2")


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Path:
    """A run whose solution is drawn along one input of 21."""
    folder = tmp_path_factory.mktemp("report") / "hjb"
    train(load_config("hjb20", (*SMALL, *RANDOM)), out=folder)
    return folder


@pytest.fixture(scope="module")
def map_(tmp_path_factory) -> Path:
    """A run whose solution is drawn over both inputs."""
    folder = tmp_path_factory.mktemp("report") / "option"
    train(load_config("black-scholes", (*SMALL, *RANDOM)), out=folder)
    return folder


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text("utf-8"))


def test_page_of_a_problem_compares_its_error_with_that_of_zeros_and_a_constant(map_):
    evaluation = read_run(map_).measurement.evaluation  # type: ignore[union-attr]
    text = page_of(map_).text
    assert f"{evaluation.relative_l2:.3g} relative L2 error 50 test samples" in text
    assert f"error of a zero network best constant output: {evaluation.best_constant:.3g}" in text
    assert "zero network best constant" in text  # in the figure


def test_residual_stands_alone_and_steps_are_counted_in_forward_passes(line):
    text = page_of(line).text
    figure = text[text.index("Training Residual") : text.index("relative L2 error validation")]
    assert "residual loss" in figure
    assert "validation" not in figure  # its loss is an error, not a residual
    # 4 points with 43 nodes each, two directions both ways, four steps
    assert "in all 2,752 a step 688 a step, for each sample 4.0 samples a step 172" in text
    assert "interior 4 43" in text


def test_points_of_each_set_are_listed(map_):
    assert "interior 4 5 terminal 2 1 lower 1 1 upper 1 1" in page_of(map_).text


def test_line_shows_solution_and_error(line):
    page = page_of(line)
    for label in ("time t", "solution u", "network of zeros", "error of u"):
        assert label in page.text
    assert "at the middle of their range" in page.text
    assert page.tags["svg"] == 5


def test_map_shows_network_exact_solution_and_error(map_):
    page = page_of(map_)
    for caption in ("Solution of the network", "Exact solution", "Error: network less exact"):
        assert caption in page.text
    assert "at the middle of their range" not in page.text
    assert page.tags["svg"] == 6
    assert len(page.ids) == len(set(page.ids))


def test_slice_is_what_predict_returns_there(line):
    shown = solution_slice(line)
    points = np.full((201, 21), 0.5)
    points[:, 20] = np.linspace(0.0, 1.0, 201)
    assert (predict_run(line, points).outputs[:, 0] == shown.network).all()
    assert np.abs(shown.exact - (11.0 - shown.coordinates[0])).max() < 1e-12
    assert np.abs(shown.zero - 10.0).max() < 1e-12
    assert (shown.error == shown.network - shown.exact).all()


def test_slice_over_two_inputs_meets_the_sides_of_the_domain(map_):
    shown = solution_slice(map_)
    assert shown.network.shape == (41, 41)
    s, t = shown.coordinates
    assert (s[0] == 0).all() and (s[-1] == 1).all()
    assert (t[:, 0] == 0).all() and (t[:, -1] == 1).all()
    assert np.abs(shown.exact[:, -1] - np.maximum(2 * s[:, 0] - 1, 0)).max() < 1e-9


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_slices_of_one_value_are_drawn(map_, value):
    shown = solution_slice(map_)
    same = np.full_like(shown.exact, value)
    assert len(draw_slice(replace(shown, network=same, exact=same))) == 3


def test_inputs_that_a_problem_does_not_choose_have_numbers():
    class Plain(BlackScholes):
        picture: Mapping[int, str] = {}

    class Long(Plain):
        inputs = 5

    assert chosen_inputs(Plain()) == {0: "input 0", 1: "input 1"}
    assert chosen_inputs(Long()) == {0: "input 0"}


def test_page_says_that_the_problem_is_gone(tmp_path):
    source = tmp_path / "mine.py"
    source.write_text(
        "import numpy as np\nfrom tenzo import Problem, mean_square\n\n"
        "class Flat(Problem):\n    inputs = 2\n"
        "    def losses(self, fields):\n        return mean_square(fields['interior'].value)\n"
        "    def exact(self, points):\n        return np.ones(len(points))\n"
    )
    overrides = [f"problem={{file='{source}', test_points=50}}", *SMALL, *RANDOM]
    train(load_config("black-scholes", overrides), out=tmp_path / "run")
    source.unlink()
    text = page_of(tmp_path / "run").text
    assert "The problem could not be read, so nothing was measured on it" in text
    assert "as the run noted it" in text
    assert "a step, for each sample" not in text


def test_run_in_float_is_measured_in_float(tmp_path):
    config = load_config("black-scholes", (*SMALL, *RANDOM))
    device = open_device("float", config.engine())
    summary = train(config, device, out=tmp_path / "run")
    device.close()
    run = read_run(tmp_path / "run")
    assert run.measurement is not None and run.measurement.solution is not None
    assert run.measurement.evaluation.relative_l2 == summary.relative_l2
    in_float = solution_slice(tmp_path / "run", "float").network
    assert (run.measurement.solution.network == in_float).all()
    assert (solution_slice(tmp_path / "run").network != in_float).any()
    assert "Adam); float32." in Page(render_report(run)).text


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["training.one_sided=true"],
            "random gradient estimates (2 Rademacher directions a step one",
        ),
        (["training.perturb=core"], "(2 Rademacher directions of each core a step, Adam);"),
        (
            ["training.estimator=cge", "training.coordinates=3", "training.central=true"],
            "coordinate-wise gradients (3 of 826 parameters, both ways, Adam);",
        ),
        (
            ["training.estimator=sign-descent", "training.form=greedy"],
            "by coordinate sign descent (all 826 parameters, greedy);",
        ),
        (
            ["training.estimator=hybrid", "training.hybrid={switch_step=1, learning_rate=0.01}"],
            "(2 Rademacher directions a step, Adam), then coordinate-wise gradients;",
        ),
    ],
)
def test_subtitle_says_how_gradients_were_made(tmp_path, overrides, words):
    config = short_config(*overrides, "training.steps=2")
    run = replace(read_run(train_nothing(config, tmp_path)), measurement=None)
    assert words in Page(render_report(run)).text


def train_nothing(config, folder: Path) -> Path:
    """Write the folder of a run that has not begun."""
    return RunFolder.create(config, folder / "run").path


def test_page_of_coordinate_wise_gradients_shows_what_a_step_takes(tmp_path):
    config = short_config("training.estimator=cge", "training.steps=3", "training.log_steps=1")
    summary = train(config, out=tmp_path / "run")
    run = read_run(tmp_path / "run")
    text = Page(render_report(run)).text
    assert "by coordinate-wise gradients (all 826 parameters, Adam)" in text
    assert f"in all {summary.forward_passes:,}" in text
    assert f"a step, for each sample {summary.forward_passes / 24:,.1f} samples a step 8" in text
    assert "one training step" not in text
