"""Reproducible float64 functions against arbitrary precision."""

import hashlib
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest

from tenzo.sw.numerics import cos_pi, exp, fixed_sum, log, normal_distribution, sin_pi

mpmath.mp.prec = 120


def worst_error(
    function: Callable[[np.ndarray], np.ndarray], exact: Callable, x: np.ndarray
) -> float:
    """Largest error in units in the last place of the exact result."""
    worst = mpmath.mpf(0)
    for argument, value in zip(x.tolist(), function(x).tolist(), strict=True):
        truth = exact(mpmath.mpf(argument))
        worst = max(worst, abs(value - truth) / float(np.spacing(abs(float(truth)))))
    return float(worst)


def drawn(low: float, high: float) -> np.ndarray:
    return np.random.default_rng(1).uniform(low, high, 3000)


@pytest.mark.parametrize("span", [(-1.0, 1.0), (-30.0, 0.0), (-708.0, 709.0), (-1e-9, 1e-9)])
def test_exp_errs_by_less_than_1_4_units(span: tuple[float, float]) -> None:
    assert worst_error(exp, mpmath.exp, drawn(*span)) < 1.4


@pytest.mark.parametrize("span", [(0.5, 2.0), (1.0, 20.0), (0.999, 1.001), (0.0, 1e-300)])
def test_log_errs_by_less_than_1_1_units(span: tuple[float, float]) -> None:
    assert worst_error(log, mpmath.log, drawn(*span)) < 1.1


@pytest.mark.parametrize("span", [(-2.0, 2.0), (-1e-3, 1e-3), (0.499, 0.501), (-1e6, 1e6)])
def test_sine_and_cosine_err_by_less_than_1_6_units(span: tuple[float, float]) -> None:
    assert worst_error(sin_pi, mpmath.sinpi, drawn(*span)) < 1.6
    assert worst_error(cos_pi, mpmath.cospi, drawn(*span)) < 1.6


def test_sine_and_cosine_are_exact_at_quarter_turns() -> None:
    halves = np.arange(-8, 9) / 2
    assert cos_pi(halves).tolist() == [1.0, 0, -1, 0] * 4 + [1]
    assert sin_pi(halves).tolist() == [0.0, 1, 0, -1] * 4 + [0]


def test_known_values_are_exact() -> None:
    assert exp(0.0) == 1.0
    assert log(1.0) == 0.0
    assert log(2.0) == float(mpmath.log(2))


def test_exp_clamps_and_keeps_nan() -> None:
    far = exp(np.array([-1e9, -np.inf, 1e9, np.inf, np.nan]))
    assert far[:4].tolist() == exp(np.array([-708.0, -708, 709, 709])).tolist()
    assert far[0] > np.finfo(float).tiny and np.isfinite(far[2])
    assert np.isnan(far[4])


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_log_refuses_what_has_none(bad: float) -> None:
    with pytest.raises(ValueError, match="positive finite"):
        log(np.array([1.0, bad]))


@pytest.mark.parametrize("function", [exp, log, sin_pi, cos_pi])
def test_shape_is_kept_and_argument_untouched(function: Callable) -> None:
    x = drawn(0.1, 1.0)[:24].reshape(2, 3, 4)
    before = x.copy()
    assert function(x).shape == (2, 3, 4)
    assert function(0.5).shape == ()
    assert function(np.zeros((0, 2)) + 1).shape == (0, 2)
    assert (x == before).all()


@pytest.mark.parametrize("function", [exp, log, sin_pi, cos_pi])
def test_bits_do_not_depend_on_position_or_stride(function: Callable) -> None:
    x = drawn(0.01, 30.0)[:257]
    whole = function(x)
    assert [float(function(value)) for value in x] == whole.tolist()
    assert function(x[::-3]).tolist() == whole[::-3].tolist()


def test_bits_are_the_same_on_every_machine() -> None:
    x = np.linspace(0.01, 20.0, 1000)
    values = np.concatenate([function(x) for function in (exp, log, sin_pi, cos_pi)])
    digest = hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()
    assert digest == "78c5502186aed6955978e2ee82a48888212216f106d6b3000568a5bb493e9e66"


def tree_sum(values: list[float]) -> float:
    """Plain Python definition: pad with zeros, then add halves."""
    while len(values) & (len(values) - 1):
        values = [*values, 0.0]
    while len(values) > 1:
        half = len(values) // 2
        values = [values[i] + values[half + i] for i in range(half)]
    return values[0]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 10, 31, 32, 33, 1000])
def test_fixed_sum_is_the_tree_of_halves(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(4, count, 3)) * 1e8
    expected = [[tree_sum(values[i, :, j].tolist()) for j in range(3)] for i in range(4)]
    assert fixed_sum(values, 1).tolist() == expected
    assert fixed_sum(np.asfortranarray(values), 1).tolist() == expected
    assert fixed_sum(values[1:2], 1).tolist() == expected[1:2]


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_fixed_sum_drops_its_axis(axis: int) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    assert fixed_sum(values, axis).tolist() == values.sum(axis).tolist()
    single = np.ones((1, 1, 1))
    assert fixed_sum(single, axis).tolist() == [[1.0]]


def test_fixed_sum_of_nothing_is_zero() -> None:
    assert fixed_sum(np.zeros((3, 0))).tolist() == [0.0, 0.0, 0.0]
    assert fixed_sum(np.zeros(0)) == 0.0


def test_fixed_sum_keeps_its_error_bound() -> None:
    values = np.random.default_rng(5).normal(size=1000)
    exact = sum(map(Fraction, values.tolist()))
    bound = 10 * 2.0**-53 * np.abs(values).sum()
    assert abs(Fraction(float(fixed_sum(values))) - exact) < bound


def test_bits_are_the_same_without_wide_vector_units() -> None:
    core = importlib.import_module("numpy._core._multiarray_umath")
    script = (
        "import hashlib, numpy as np\n"
        "from tenzo.sw.numerics import cos_pi, exp, log\n"
        "x = np.linspace(0.01, 20.0, 1000)\n"
        "values = np.concatenate([exp(x), log(x), cos_pi(x)])\n"
        "print(hashlib.sha256(values.tobytes()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(disabled)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for disabled in ([""], core.__cpu_dispatch__)
    }
    assert len(digests) == 1


def test_normal_distribution_is_within_its_bound():
    x = np.linspace(-9.0, 9.0, 1801)
    exact = np.array([float(mpmath.ncdf(value)) for value in x])
    assert np.abs(normal_distribution(x) - exact).max() < 1e-15
    assert normal_distribution([-np.inf, 0.0]).tolist()[1] == 0.5
