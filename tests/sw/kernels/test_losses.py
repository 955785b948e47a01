"""The compiled losses have every bit of the NumPy form."""

from __future__ import annotations

import itertools
import os

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenzo.sw.kernels.library import find_library
from tenzo.sw.kernels.losses import NativeLosses, native_losses
from tenzo.sw.training.losses import CrossEntropy, cross_entropy

IntArray = npt.NDArray[np.int64]

LOW, HIGH = -(1 << 31), (1 << 31) - 1


def compiled() -> NativeLosses:
    found = native_losses()
    assert found is not None
    return found


def drawn(shape: tuple[int, int, int], low: int, high: int, seed: int) -> tuple[IntArray, IntArray]:
    random = np.random.default_rng(seed)
    outputs = random.integers(low, high, shape, endpoint=True)
    return outputs, random.integers(0, shape[2], shape[1])


def assert_same_bits(outputs: IntArray, frac_bits: int, labels: IntArray) -> None:
    losses = compiled().cross_entropy(outputs, frac_bits, labels)
    expected = cross_entropy(outputs, frac_bits, labels)
    assert losses.shape == expected.shape
    np.testing.assert_array_equal(losses.view(np.int64), expected.view(np.int64))


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 150), st.integers(1, 40)),
    st.integers(0, 31),
    st.integers(0, 31),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_bits_are_those_of_numpy(
    shape: tuple[int, int, int], frac_bits: int, width: int, seed: int
) -> None:
    outputs, labels = drawn(shape, -(1 << width), (1 << width) - 1, seed)
    assert_same_bits(outputs, frac_bits, labels)


@pytest.mark.parametrize("outputs", [1, 2, 3, 63, 64, 65, 1000])
def test_sums_of_any_length_run_in_the_fixed_order(outputs: int) -> None:
    values, labels = drawn((2, 70, outputs), -(1 << 14), 1 << 14, outputs)
    assert_same_bits(values, 12, labels)


@pytest.mark.parametrize("frac_bits", [0, 13, 31, 52, 1000, 1074])
def test_bits_are_those_of_numpy_at_the_extremes(frac_bits: int) -> None:
    extremes = np.array([LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH], dtype=np.int64)
    outputs = np.stack(np.meshgrid(extremes, extremes, extremes), axis=-1).reshape(1, -1, 3)
    for label in range(3):
        assert_same_bits(outputs, frac_bits, np.full(outputs.shape[1], label))


def test_arguments_around_the_clamp_are_those_of_numpy() -> None:
    below = np.arange(-709 * 64, -706 * 64)
    outputs = np.stack([np.zeros_like(below), below], axis=1)[None]
    for label in range(2):
        assert_same_bits(outputs, 6, np.full(len(below), label))


def test_every_table_entry_and_power_is_that_of_numpy() -> None:
    below = -np.arange(709 * 256 * 2 // 7) * 7
    outputs = np.stack([np.zeros_like(below), below], axis=1)[None]
    assert_same_bits(outputs, 9, np.zeros(len(below), np.int64))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_memory_layouts_do_not_matter(order: tuple[int, int, int]) -> None:
    values, labels = drawn((5, 67, 10), -(1 << 16), 1 << 16, 7)
    laid_out = np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))
    assert laid_out.shape == values.shape
    assert_same_bits(laid_out, 12, labels)
    assert_same_bits(values[::2, ::-1], 12, labels[::-1])


def test_threads_do_not_matter() -> None:
    values, labels = drawn((40, 130, 10), -(1 << 16), 1 << 16, 3)
    expected = cross_entropy(values, 12, labels)
    for threads in (1, 2, 5):
        losses = NativeLosses(find_library(), threads).cross_entropy(values, 12, labels)
        assert losses.tolist() == expected.tolist()


def test_a_forked_process_computes_too() -> None:
    values, labels = drawn((40, 130, 10), -(1 << 16), 1 << 16, 4)
    expected = compiled().cross_entropy(values, 12, labels).tolist()
    child = os.fork()
    if child == 0:
        os._exit(compiled().cross_entropy(values, 12, labels).tolist() != expected)
    assert os.waitpid(child, 0)[1] == 0


def test_no_queries_have_no_losses() -> None:
    losses = compiled().cross_entropy(np.zeros((0, 3, 2), np.int64), 0, np.zeros(3, np.int64))
    assert losses.shape == (0, 3)


def test_the_loss_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    values, labels = drawn((2, 3, 4), -9, 9, 1)
    monkeypatch.setattr(NativeLosses, "cross_entropy", lambda *_: np.full((2, 3), 7.0))
    assert CrossEntropy()(values, 0, labels).tolist() == [[7.0] * 3] * 2
    assert CrossEntropy()(values.astype(np.float64), 0, labels).tolist() != [[7.0] * 3] * 2
