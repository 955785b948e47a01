"""Verdicts, tables and pictures of results."""

from __future__ import annotations

import math

import pytest

from tenzo.sw.experiments.figure import draw_result, joined
from tenzo.sw.experiments.page import compare, page, slope, verdict
from tests.sw.experiments.documents import document, variant


def test_verdict_names_bar_and_reference() -> None:
    result = document(variant("ours", [0.96, 0.98]), goal=0.965, reference=0.975)
    assert verdict(result) == (
        "Ours: 97.00 % ± 1. That reaches the bar of 96.50 % and falls short of the reference of "
        "97.50 %."
    )


def test_lower_errors_reach_a_bar() -> None:
    result = document(
        variant("ours", [1e-3, 3e-3]), metric="relative_l2", better="lower", goal=2e-3
    )
    assert "That reaches the bar of 0.002." in verdict(result)


@pytest.mark.parametrize(
    ("other", "better", "words"),
    [
        (0.90, "higher", "better than"),
        (0.98, "higher", "worse than"),
        (0.98, "lower", "better than"),
        (0.92, "higher", "within chance of"),
    ],
)
def test_variants_differ_by_more_than_two_standard_errors(
    other: float, better: str, words: str
) -> None:
    second = variant("other", [other])
    result = document(variant("ours", [0.94]), second, better=better)
    assert compare(result, second) == words


def test_growth_is_the_slope_in_logarithms() -> None:
    points = [(math.log(d), math.log(3.0 * d**1.5)) for d in (10, 100, 1000)]
    assert slope(points) == pytest.approx(1.5)
    variants = [variant(str(d), [2.0 * d], parameters=d) for d in (10, 40)]
    result = document(*variants, metric="relative_variance", x="parameters")
    assert "to the power 1.00 (all)" in verdict(result)
    assert "“40” has 4.0 times the parameters of “10” and 4.0 times its value." in verdict(result)


def test_page_holds_every_variant_and_what_was_left_out() -> None:
    skipped = {"theirs": "PyTorch is not installed"}
    result = document(variant("ours", [0.9, 0.92]), variant("other", [0.5]), skipped=skipped)
    text = page(result)
    assert "| ours | 91.00 % ± 1 | 90.00 % | 92.00 % |" in text
    assert "| other | 50.00 %" in text
    assert "Left out: theirs, since PyTorch is not installed." in text
    assert "Made by `tenzo experiment small`, seeds 1, 2, commit abc, on a machine." in text


def test_milestones_are_where_the_mean_first_gets_there() -> None:
    curves = [[[10, 0.5], [20, 0.9], [30, 0.95]], [[10, 0.7], [20, 0.7], [30, 0.95]]]
    result = document(variant("ours", [0.9], curves=curves), milestones=[0.6, 0.8, 0.9, 0.99])
    assert "| ours | 10 | 20 | 30 | never |" in page(result)


@pytest.mark.parametrize("x", ["forward_passes", "parameters"])
def test_picture_names_every_variant_and_repeats(x: str) -> None:
    others = variant("other", [0.5, 0.6], parameters=100, details={"theory": 0.5})
    result = document(variant("ours", [0.9, 0.92]), others, x=x, reference=0.8)
    picture = draw_result(result)
    assert "ours" in picture and "other" in picture and "reference" in picture
    assert ("theory" in picture) == (x == "parameters")
    assert picture == draw_result(result)


def test_curves_are_joined_where_all_seeds_have_a_point() -> None:
    curves = [[(1, 0.1), (2, 0.2)], [(2, 0.4), (3, 0.5)]]
    assert joined(curves) == ([2], [[0.2, 0.4]])
