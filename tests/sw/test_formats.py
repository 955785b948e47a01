"""Formats and requantization against exact fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format, accumulator_width, requantize


@given(st.integers(-(1 << 60), 1 << 60), st.integers(0, 63), st.integers(2, 32))
def test_requantize_rounds_half_up_then_saturates(accumulator, shift, width):
    rounded = floor(Fraction(accumulator, 1 << shift) + Fraction(1, 2))
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    expected = min(max(rounded, low), high)
    assert requantize(accumulator, shift, width) == (expected, expected != rounded)


@pytest.mark.parametrize(
    ("accumulator", "shift", "expected"),
    [(-3, 1, -1), (-1, 1, 0), (1, 1, 1), (3, 1, 2), (-5, 2, -1), (-6, 2, -1), (-7, 2, -2)],
)
def test_halves_go_up_below_zero_too(accumulator, shift, expected):
    assert requantize(accumulator, shift, 8) == (expected, False)


def test_shift_zero_only_saturates():
    assert requantize(127, 0, 8) == (127, False)
    assert requantize(128, 0, 8) == (127, True)
    assert requantize(-128, 0, 8) == (-128, False)
    assert requantize(-129, 0, 8) == (-128, True)


@given(st.integers(2, 32), st.integers(0, 40), st.floats(-1e6, 1e6))
def test_quantize_rounds_half_up_then_saturates(width, frac_bits, value):
    number = Format(width, frac_bits)
    rounded = floor(Fraction(value) * 2**frac_bits + Fraction(1, 2))
    exact = Fraction(value) * 2**frac_bits
    if abs(exact) < 2**51:  # adding one half is exact there; larger values saturate
        assert number.quantize([value]).tolist() == [number.saturate(rounded)]
    else:
        assert number.quantize([value])[0] in (number.min_raw, number.max_raw)


def test_bounds_of_a_format():
    number = Format(5, 3)
    assert (number.min_raw, number.max_raw, number.step) == (-16, 15, 0.125)
    assert [number.saturate(raw) for raw in (-17, -16, 0, 15, 16)] == [-16, -16, 0, 15, 15]
    assert str(number) == "5 bits, 3 fractional"


@given(st.integers(4, 24), st.integers(4, 18), st.integers(1, 65535), st.integers(0, 24))
def test_the_accumulator_holds_every_sum_and_half_a_unit(activation, weight, terms, bias_shift):
    width = accumulator_width(activation, weight, terms, bias_shift)
    largest = terms * 2 ** (activation - 1) * 2 ** (weight - 1) + 2 ** (weight - 1 + bias_shift)
    half = 1 << (width - 2)  # of the largest shift, width - 1
    assert largest + half <= 2 ** (width - 1) - 1
    assert -largest >= -(2 ** (width - 1))


@given(st.integers(4, 24), st.integers(4, 18), st.integers(1, 65535), st.integers(0, 24))
def test_the_accumulator_is_at_most_two_bits_wider_than_needed(a, w, terms, bias_shift):
    largest = terms * 2 ** (a - 1) * 2 ** (w - 1) + 2 ** (w - 1 + bias_shift)
    assert accumulator_width(a, w, terms, bias_shift) == largest.bit_length() + 2


@pytest.mark.parametrize(
    ("width", "frac_bits", "message"),
    [
        (1, 0, "width must be 2 to 32 bits, not 1"),
        (33, 0, "width must be 2 to 32 bits, not 33"),
        (16, -1, "fractional bits must be 0 to 62, not -1"),
        (16, 63, "fractional bits must be 0 to 62, not 63"),
    ],
)
def test_formats_out_of_range_are_errors(width, frac_bits, message):
    with pytest.raises(UserError, match=message):
        Format(width, frac_bits)


def test_quantize_keeps_the_shape():
    assert Format(8, 4).quantize(np.zeros((2, 3))).shape == (2, 3)
