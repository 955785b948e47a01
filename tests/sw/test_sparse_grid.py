"""The sparse grid, compared with the published nodes, with moments and with another library."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import chaospy
import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.sparse_grid import gauss_hermite, node_count

ROOT3 = math.sqrt(3)
CASES = [(d, level) for d in (1, 2, 3, 5) for level in (1, 2, 3, 4, 5)] + [(21, 2), (21, 3)]


def normal_moment(power: int) -> float:
    """E n^power: 1 * 3 * 5 * ... for even powers."""
    return float(math.prod(range(1, power, 2))) if power % 2 == 0 else 0.0


def as_dict(nodes, weights) -> dict[tuple[float, ...], float]:
    """Weights by node, equal nodes merged."""
    merged: dict[tuple[float, ...], float] = {}
    for node, weight in zip(np.round(nodes, 9) + 0.0, weights, strict=True):
        key = tuple(node.tolist())
        merged[key] = merged.get(key, 0.0) + weight
    return {node: weight for node, weight in merged.items() if abs(weight) > 1e-13}


def test_level_3_of_dimension_21_has_the_925_published_nodes() -> None:
    nodes, weights = gauss_hermite(21, 3)
    axes = np.count_nonzero(nodes, axis=1)
    reach = np.abs(nodes).max(axis=1)
    assert nodes.shape == (925, 21)
    assert len(np.unique(nodes, axis=0)) == 925
    expected = {
        204.0: (axes == 0),
        -10.0: (axes == 1) & (reach == 1.0),
        1 / 6: (axes == 1) & (np.abs(reach - ROOT3) < 1e-15),
        0.25: (axes == 2) & (reach == 1.0),
    }
    counts = []
    for weight, chosen in expected.items():
        np.testing.assert_allclose(weights[chosen], weight, rtol=1e-15)
        counts.append(np.count_nonzero(chosen))
    assert counts == [1, 42, 42, 840]


def test_level_3_of_dimension_2_has_13_nodes() -> None:
    nodes, weights = gauss_hermite(2, 3)
    found = as_dict(nodes, weights)
    assert len(found) == len(nodes) == 13
    assert found[0.0, 0.0] == pytest.approx(4 / 3, rel=1e-15)
    assert {found[node] for node in [(1.0, 0.0), (0.0, -1.0)]} == {-0.5}
    assert found[round(ROOT3, 9), 0.0] == pytest.approx(1 / 6, rel=1e-15)
    assert {found[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)} == {0.25}


@pytest.mark.parametrize(("dimension", "level"), [case for case in CASES if case[0] <= 5])
def test_every_monomial_up_to_the_degree_of_exactness_is_integrated(dimension, level) -> None:
    nodes, weights = gauss_hermite(dimension, level)
    degree = 2 * level - 1
    for powers in itertools.product(range(degree + 1), repeat=dimension):
        if sum(powers) <= degree:
            found = float(np.sum(weights * np.prod(nodes ** np.array(powers), axis=1)))
            expected = math.prod(normal_moment(power) for power in powers)
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-11), powers


@pytest.mark.parametrize(("dimension", "level"), [case for case in CASES if case[0] <= 5])
def test_degree_of_exactness_is_sharp(dimension, level) -> None:
    nodes, weights = gauss_hermite(dimension, level)
    power = 2 * level
    assert abs(float(np.sum(weights * nodes[:, 0] ** power)) - normal_moment(power)) > 0.5


def test_moments_of_dimension_21_are_exact_up_to_degree_5() -> None:
    nodes, weights = gauss_hermite(21, 3)
    assert float(np.sum(weights)) == pytest.approx(1, abs=1e-11)
    np.testing.assert_allclose(nodes.T @ (weights[:, None] * nodes), np.eye(21), atol=1e-11)
    fourth = (nodes**2).T @ (weights[:, None] * nodes**2)
    np.testing.assert_allclose(fourth, np.ones((21, 21)) + 2 * np.eye(21), atol=1e-11)


@pytest.mark.parametrize(("dimension", "level"), CASES)
def test_rule_is_that_of_chaospy_after_merging(dimension, level) -> None:
    nodes, weights = gauss_hermite(dimension, level)
    normal = chaospy.Iid(chaospy.Normal(), dimension)
    theirs = chaospy.generate_quadrature(level - 1, normal, rule="gaussian", sparse=True)
    if (dimension, level) == (21, 3):
        assert theirs[0].shape[1] == 946
    expected, found = as_dict(theirs[0].T, theirs[1]), as_dict(nodes, weights)
    assert found.keys() == expected.keys()
    assert len(found) == len(nodes)
    for node, weight in expected.items():
        assert found[node] == pytest.approx(weight, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("dimension", "level"), CASES)
def test_mirror_image_of_each_node_has_its_weight(dimension, level) -> None:
    nodes, weights = gauss_hermite(dimension, level)
    assert as_dict(nodes, weights) == as_dict(-nodes, weights)


@pytest.mark.parametrize(("dimension", "level"), CASES)
def test_count_is_known_beforehand(dimension, level) -> None:
    assert node_count(dimension, level) == len(gauss_hermite(dimension, level)[0])


@pytest.mark.parametrize(("dimension", "level"), [(1000, 3), (100, 5), (10**9, 2)])
def test_grid_beyond_memory_is_refused_before_it_is_made(dimension, level) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=rf"{dimension} and level {level} has \d+ nodes"):
            gauss_hermite(dimension, level)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("dimension", "level", "sentence"),
    [
        (0, 3, "dimension of a sparse grid must be at least 1, not 0"),
        (2, 0, "level of a sparse grid must be 1 to 5, not 0"),
        (2, 6, "level of a sparse grid must be 1 to 5, not 6"),
    ],
)
def test_sizes_out_of_range_are_refused(dimension, level, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        gauss_hermite(dimension, level)
