"""Derivatives from outputs at nodes, on polynomials whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.derivatives.central import CentralDifferences
from tenzo.sw.derivatives.choice import make_derivatives
from tenzo.sw.derivatives.noise import laplacian_noise
from tenzo.sw.derivatives.stein import MonteCarloStein, SparseGridStein
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.random_streams import uniform

FINE = Format(24, 20)
DIMENSION = 4
SPATIAL = [0, 1, 3]


def points_raw(count: int = 7, dimension: int = DIMENSION) -> np.ndarray:
    return FINE.quantize(uniform(3, 0, count * dimension).reshape(count, dimension))


def quadratic(x):
    """f = 2 x0^2 - x1 x2 + 3 x3^2 + x2 - 1, first derivatives, second derivatives."""
    f = 2 * x[..., 0] ** 2 - x[..., 1] * x[..., 2] + 3 * x[..., 3] ** 2 + x[..., 2] - 1
    first = np.stack([4 * x[..., 0], -x[..., 2], 1 - x[..., 1], 6 * x[..., 3]])
    return f, first, np.array([4.0, 0.0, 0.0, 6.0])


def outputs_of(function, derivatives, points, stream=0):
    """The stencil of a step, and a function's values at its nodes, as (1, nodes, points)."""
    stencil = derivatives.stencil(len(points), 5, stream)
    nodes = stencil.nodes_raw(points) * FINE.step
    return stencil, function(nodes)[0][None]


@pytest.mark.parametrize(
    ("derivatives", "error"),
    [(CentralDifferences(DIMENSION, FINE, 0.25), 1e-12), (SparseGridStein(DIMENSION, FINE), 2e-4)],
    ids=["central", "sparse-grid"],
)
def test_derivatives_of_a_quadratic_are_exact(derivatives, error) -> None:
    points = points_raw()
    stencil, outputs = outputs_of(quadratic, derivatives, points)
    _, first, second = quadratic(points * FINE.step)
    for axis in range(DIMENSION):
        np.testing.assert_allclose(stencil.first(outputs, axis)[0], first[axis], atol=error)
        np.testing.assert_allclose(stencil.second(outputs, axis)[0], second[axis], atol=error)
    np.testing.assert_allclose(stencil.laplacian(outputs, SPATIAL)[0], 10.0, atol=2 * error)


def test_sparse_grid_derives_a_cubic_smoothed_by_its_normal_distribution() -> None:
    derivatives = SparseGridStein(1, FINE, 0.25)
    points = points_raw(dimension=1)
    x = points[:, 0] * FINE.step
    stencil, outputs = outputs_of(lambda x: (x[..., 0] ** 3,), derivatives, points)
    np.testing.assert_allclose(stencil.first(outputs, 0)[0], 3 * x**2 + 3 * 0.25**2, atol=1e-4)
    np.testing.assert_allclose(stencil.second(outputs, 0)[0], 6 * x, atol=1e-4)


def test_monte_carlo_derivatives_are_within_five_standard_errors() -> None:
    derivatives = MonteCarloStein(DIMENSION, FINE, pairs=200)
    points = points_raw(1)
    _, first, _ = quadratic(points * FINE.step)
    found = []
    for stream in range(200):
        stencil, outputs = outputs_of(quadratic, derivatives, points, stream)
        values = [stencil.first(outputs, axis)[0, 0] for axis in range(DIMENSION)]
        found.append([*values, stencil.laplacian(outputs, SPATIAL)[0, 0]])
    mean, error = np.mean(found, 0), np.std(found, 0) / np.sqrt(len(found))
    assert (np.abs(mean - [*first[:, 0], 10.0]) < 5 * error + 1e-5).all()
    assert (error < 0.2).all()


def test_monte_carlo_nodes_are_the_stream_s_alone_and_differ_between_points() -> None:
    derivatives = MonteCarloStein(2, FINE, pairs=3)
    points = np.zeros((4, 2), np.int64)
    nodes = derivatives.stencil(4, 5, 8).nodes_raw(points)
    np.testing.assert_array_equal(nodes, derivatives.stencil(4, 5, 8).nodes_raw(points))
    assert (nodes != derivatives.stencil(4, 5, 9).nodes_raw(points))[1:].all()
    assert nodes.shape == (derivatives.node_count, 4, 2)
    np.testing.assert_array_equal(nodes[0], points)
    np.testing.assert_array_equal(nodes[1:4], -nodes[4:])
    assert (nodes[1:, 0] != nodes[1:, 1]).all()


def test_central_differences_of_integers_round_nothing() -> None:
    derivatives = CentralDifferences(3, FINE, 0.5)
    outputs = np.array([[[7], [2**31 - 1], [-(2**31)], [5], [4], [3], [-2]]])
    assert derivatives.first(outputs, 0).tolist() == [[2.0**32 - 1]]
    assert derivatives.second(outputs, 1).tolist() == [[-20.0]]
    assert derivatives.laplacian(outputs, [1, 2]).tolist() == [[(9 + 1 - 28) * 4.0]]


def test_central_nodes_are_exact_steps_along_each_axis() -> None:
    points = points_raw(2)
    nodes = CentralDifferences(DIMENSION, FINE, 2.0**-20).nodes_raw(points)
    steps = np.zeros((9, DIMENSION), np.int64)
    steps[1::2], steps[2::2] = np.eye(DIMENSION), -np.eye(DIMENSION)
    np.testing.assert_array_equal(nodes, points + steps[:, None])


@pytest.mark.parametrize(
    ("derivatives", "frac_bits", "published"),
    [
        (SparseGridStein(21, FINE), 16, 1.99),
        (SparseGridStein(21, FINE), 20, 0.119),
        (SparseGridStein(21, FINE), 24, 7.5e-3),
        (CentralDifferences(21, FINE, 0.25), 16, 3.0e-3),
    ],
    ids=["sparse-16", "sparse-20", "sparse-24", "central-16"],
)
def test_predicted_noise_of_the_laplacian_is_the_published_one(
    derivatives, frac_bits, published
) -> None:
    predicted = laplacian_noise(derivatives, range(20), 2.0**-frac_bits)
    assert predicted == pytest.approx(published, rel=0.1)


@pytest.mark.parametrize(
    "derivatives",
    [CentralDifferences(5, FINE), SparseGridStein(5, FINE), MonteCarloStein(5, FINE, pairs=50)],
    ids=["central", "sparse-grid", "monte-carlo"],
)
def test_predicted_noise_is_that_of_rounded_random_outputs(derivatives) -> None:
    outputs = uniform(9, 1, 4000 * derivatives.node_count).reshape(4000, -1, 1)
    rounded = np.floor(outputs * 2.0**10 + 0.5) * 2.0**-10
    stencil = derivatives.stencil(1, 1, 0)
    measured = np.std(stencil.laplacian(rounded - outputs, [0, 1, 2]))
    assert laplacian_noise(derivatives, [0, 1, 2], 2.0**-10) == pytest.approx(measured, rel=0.1)


def test_level_2_has_first_derivatives_only() -> None:
    derivatives = SparseGridStein(DIMENSION, FINE, level=2)
    assert derivatives.node_count == 9
    stencil, outputs = outputs_of(quadratic, derivatives, points_raw())
    _, first, _ = quadratic(points_raw() * FINE.step)
    np.testing.assert_allclose(stencil.first(outputs, 2)[0], first[2], atol=1e-4)
    with pytest.raises(UserError, match="level must be 3 or more for second derivatives, not 2"):
        stencil.laplacian(outputs, [0])


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("central", {"step": 2.0**-21}, r"step must be at least 9.53674e-07, the resolution"),
        ("central", {"step": 0.3}, "step must be a power of two such as 0.25, not 0.3"),
        ("central", {"step": -0.25}, "step must be a power of two"),
        ("central", {"sigma": 0.1}, "'central' has no option 'sigma'; its options: step"),
        ("sparse-grid", {"sigma": 1e-7}, "sigma must be at least 9.53674e-07"),
        ("sparse-grid", {"level": 1}, "level must be 2 or more, not 1"),
        ("sparse-grid", {"level": 9}, "level of a sparse grid must be 1 to 5, not 9"),
        ("monte-carlo", {"pairs": 0}, "pairs must be at least 1, not 0"),
        ("backward", {}, "must be one of central, monte-carlo, sparse-grid, not 'backward'"),
    ],
)
def test_slips_are_named(name, options, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        make_derivatives(name, 3, FINE, **options)
