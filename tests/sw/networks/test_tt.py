"""Tensor-train matrices against TensorLy and against plain loops."""

from itertools import product

import numpy as np
import pytest
from tensorly.decomposition import tensor_train_matrix
from tensorly.tt_matrix import TTMatrix

from tenzo.sw.errors import UserError
from tenzo.sw.networks.tt import (
    balanced,
    core_deviation,
    forward,
    full_matrix,
    initial_cores,
    tt_svd,
)

Shape = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
SHAPES: list[Shape] = [
    ((4, 4, 4), (4, 4, 4), (1, 4, 4, 1)),
    ((4, 4, 4), (1, 5, 2), (1, 4, 4, 1)),
    ((2, 3), (5, 1), (1, 3, 1)),
    ((7,), (3,), (1, 1)),
    ((1, 1, 3, 7), (2, 4, 1, 3), (1, 2, 3, 2, 1)),
]


def drawn(shape: Shape, seed: int = 0) -> list[np.ndarray]:
    return initial_cores(*shape, 0.5, seed, 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_full_matrix_follows_the_definition(shape: Shape) -> None:
    cores = drawn(shape)
    columns = list(product(*map(range, shape[0])))
    rows = list(product(*map(range, shape[1])))
    expected = np.empty((len(rows), len(columns)))
    for (j, row), (i, column) in product(enumerate(rows), enumerate(columns)):
        chain = np.eye(1)
        for core, n, m in zip(cores, column, row, strict=True):
            chain = chain @ core[:, n, m, :]
        expected[j, i] = chain[0, 0]
    np.testing.assert_allclose(full_matrix(cores), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
def test_full_matrix_equals_tensorly(shape: Shape) -> None:
    cores = drawn(shape)
    # TensorLy's cores are (rank, row mode, column mode, rank).
    expected = TTMatrix([core.transpose(0, 2, 1, 3) for core in cores]).to_matrix()
    np.testing.assert_allclose(full_matrix(cores), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
def test_forward_is_the_product_with_the_full_matrix(
    shape: Shape,
) -> None:
    cores = drawn(shape)
    matrix = full_matrix(cores)
    x = np.random.default_rng(7).normal(size=(6, matrix.shape[1]))
    np.testing.assert_allclose(forward(cores, x), x @ matrix.T, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_svd_finds_cores_of_the_same_matrix(shape: Shape) -> None:
    matrix = full_matrix(drawn(shape))
    for rank in (max(shape[2]), shape[2], [1, *[9] * (len(shape[0]) - 1), 1]):
        cores = tt_svd(matrix, shape[0], shape[1], rank)
        np.testing.assert_allclose(full_matrix(cores), matrix, rtol=1e-11, atol=1e-13)
        if not isinstance(rank, int):
            assert [core.shape[3] for core in cores] == list(rank)[1:]


def test_truncated_svd_errs_no_more_than_tensorly() -> None:
    matrix = np.random.default_rng(8).normal(size=(10, 64))
    tensor = matrix.reshape(1, 5, 2, 4, 4, 4)
    theirs = tensor_train_matrix(tensor, [1, 3, 3, 1]).to_matrix()
    ours = full_matrix(tt_svd(matrix, (4, 4, 4), (1, 5, 2), 3))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


def test_rank_one_of_two_cores_is_the_best_approximation() -> None:
    matrix = np.random.default_rng(9).normal(size=(4, 6))
    paired = matrix.reshape(2, 2, 2, 3).transpose(2, 0, 3, 1).reshape(4, 6)
    values = np.linalg.svd(paired, compute_uv=False)
    error = np.linalg.norm(full_matrix(tt_svd(matrix, (2, 3), (2, 2), 1)) - matrix)
    assert abs(error - np.linalg.norm(values[1:])) < 1e-12


def test_cores_of_a_decomposition_have_equal_peaks() -> None:
    cores = tt_svd(np.random.default_rng(10).normal(size=(64, 64)), (4, 4, 4), (4, 4, 4), 4)
    peaks = [np.abs(core).max() for core in cores]
    np.testing.assert_allclose(peaks, peaks[0], rtol=1e-12)


def test_a_zero_matrix_has_zero_cores() -> None:
    cores = tt_svd(np.zeros((6, 6)), (2, 3), (3, 2), 2)
    assert full_matrix(cores).tolist() == np.zeros((6, 6)).tolist()
    assert balanced([np.zeros((1, 2, 2, 1))])[0].tolist() == np.zeros((1, 2, 2, 1)).tolist()


def test_initial_matrix_has_the_wanted_variance() -> None:
    matrices = [full_matrix(initial_cores(*SHAPES[0], 2 / 64, seed, 0)) for seed in range(40)]
    variance = float(np.var(np.stack(matrices)))
    assert abs(variance / (2 / 64) - 1) < 0.1


def test_initial_cores_have_the_stated_deviation() -> None:
    deviation = core_deviation(2 / 64, (1, 4, 4, 1))
    assert abs(deviation - (2 / 64 / 16) ** (1 / 6)) < 1e-15
    entries = np.concatenate(
        [core.ravel() for seed in range(40) for core in drawn(SHAPES[0], seed)]
    )
    assert abs(entries.std() / core_deviation(0.5, (1, 4, 4, 1)) - 1) < 0.02


def test_initial_cores_follow_seed_and_stream() -> None:
    first = initial_cores(*SHAPES[1], 0.1, 1, 2)
    assert [core.shape for core in first] == [(1, 4, 1, 4), (4, 4, 5, 4), (4, 4, 2, 1)]
    for seed, stream, equal in ((1, 2, True), (2, 2, False), (1, 3, False)):
        again = initial_cores(*SHAPES[1], 0.1, seed, stream)
        assert (first[0].tolist() == again[0].tolist()) is equal
    assert first[0].ravel()[0] != first[1].ravel()[0]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (((2, 3), (2,), (1, 2, 1)), r"equally many, at least one, not \[2, 3\] and \[2\]"),
        (((), (), (1,)), "equally many, at least one"),
        (((2, 0), (2, 2), (1, 2, 1)), r"modes must be at least 1, not \[2, 0\]"),
        (((2, 3), (2, 2), (1, 1)), r"ranks must be 3 positive integers, .* not \[1, 1\]"),
        (((2, 3), (2, 2), (1, 2, 2)), "the first and the last 1"),
        (((2, 3), (2, 2), (1, 0, 1)), "ranks must be 3 positive"),
    ],
)
def test_modes_and_ranks_that_do_not_fit_are_named(shape: Shape, message: str) -> None:
    with pytest.raises(UserError, match=message):
        drawn(shape)


def test_a_matrix_that_does_not_fit_is_named() -> None:
    with pytest.raises(UserError, match=r"\(outputs, inputs\) = \(4, 6\) .*, not \(6, 4\)"):
        tt_svd(np.zeros((6, 4)), (2, 3), (2, 2), 2)
    with pytest.raises(UserError, match="finite numbers"):
        tt_svd(np.full((4, 6), np.nan), (2, 3), (2, 2), 2)
