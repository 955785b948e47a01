"""Float64 functions and random numbers with the same bits on every machine.

NumPy's own ``exp``, ``log`` and ``cos`` give other last bits on CPUs with other vector units, and
its sums follow the length of the vector registers. Everything here is built from IEEE 754 addition,
subtraction, multiplication, division, square root and exact scaling, one NumPy call per operation,
so nothing is fused or reordered. Constants and tables come from :mod:`decimal` at 50 digits.
"""

from decimal import Context, Decimal, localcontext

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
_TABLE_SIZE = 256
_TABLE_BITS = 8
ROUNDER = 1.5 * 2.0**52
"""Added and subtracted again, it rounds to an integer, which is left in the low mantissa bits."""
EXP_LOW, EXP_HIGH = -708.0, 709.0
"""Arguments of :func:`exp` are clamped to this range."""


def _split(value: Decimal, bits: int) -> tuple[float, float]:
    """Split a constant into a float of at most ``bits`` significant bits and a float of the rest.

    A product of the first with an integer of ``53 - bits`` bits is exact.
    """
    _, exponent = np.frexp(float(value))
    scale = Decimal(2) ** (bits - int(exponent))
    high = (value * scale).to_integral_value() / scale
    return float(high), float(value - high)


def _exp_table() -> npt.NDArray[np.int64]:
    """Return the bits of 2^(j/256) less ``j << 44``, int64 of shape (256,).

    Adding ``n << 44`` for n = 256 k + j then gives the bits of 2^(n/256), since 44 + 8 is the
    place of the exponent.
    """
    step = Decimal(2).ln() / _TABLE_SIZE
    powers = np.array([float((step * j).exp()) for j in range(_TABLE_SIZE)])
    return powers.view(np.int64) - (np.arange(_TABLE_SIZE, dtype=np.int64) << (52 - _TABLE_BITS))


def _pi_series(first: int) -> tuple[list[float], tuple[float, float]]:
    """Return the Taylor coefficients of sin (first=1) or cos (first=2) of pi x, and a split pi.

    Coefficients belong to x^(first+2), x^(first+4), ..., highest power first.
    """
    terms = []
    factorial = 1
    for power in range(1, first + 16):
        factorial *= power
        if power >= first and (power - first) % 2 == 0:
            sign = -1 if power & 2 else 1
            terms.append(sign * _PI**power / factorial)
    skip = 1 if first == 1 else 0
    return [float(term) for term in reversed(terms[skip:])], _split(_PI, 53)


with localcontext(Context(prec=50)):
    STEPS_PER_UNIT = float(_TABLE_SIZE / Decimal(2).ln())
    STEP_HIGH, STEP_LOW = _split(Decimal(2).ln() / _TABLE_SIZE, 33)
    LN2_HIGH, LN2_LOW = _split(Decimal(2).ln(), 33)
    EXP_TABLE = _exp_table()
    _SIN_SERIES, (_PI_HIGH, _PI_LOW) = _pi_series(1)
    _COS_SERIES, _ = _pi_series(2)

SQRT_HALF = float(np.sqrt(0.5))
_NORMAL_SCALE = float(1 / (2 * _PI).sqrt())
LOG_SERIES = [2.0 / power for power in range(19, 2, -2)]
"""Coefficients of 2 atanh(s) / s - 2 in powers of s^2, highest first."""


def exp(x: npt.ArrayLike) -> FloatArray:
    """Exponential function.

    Reduces to 2^(n/256) e^r with ``|r|`` <= ln 2 / 512, reads the power from a table and sums five
    terms of the series of e^r. Arguments are clamped to -708 ... 709, so the result is always a
    normal number: below -708 it is 3.3e-308, not zero. NaN stays NaN.

    Parameters
    ----------
    x : array_like of float64
        Any shape.

    Returns
    -------
    :class:`numpy.ndarray`
        float64, shape of ``x``, a new array. Error below 1.4 units in the last place.
    """
    x = np.asarray(x, dtype=np.float64)
    reduced = np.atleast_1d(np.minimum(np.maximum(x, EXP_LOW), EXP_HIGH))
    rounded = reduced * STEPS_PER_UNIT
    rounded += ROUNDER
    bits = rounded.view(np.int64)
    power = EXP_TABLE.take(bits & (_TABLE_SIZE - 1))
    power += bits << (52 - _TABLE_BITS)
    rounded -= ROUNDER
    scratch = rounded * STEP_HIGH
    reduced -= scratch
    rounded *= STEP_LOW
    reduced -= rounded
    series = np.multiply(reduced, 1.0 / 24.0, out=scratch)
    series += 1.0 / 6.0
    series *= reduced
    series += 0.5
    series *= np.multiply(reduced, reduced, out=rounded)
    series += reduced
    result = power.view(np.float64)
    series *= result
    result += series
    return result.reshape(x.shape)


def log(x: npt.ArrayLike) -> FloatArray:
    """Natural logarithm.

    With x = 2^k m, m from sqrt(1/2) to sqrt(2), f = m - 1 and s = f / (2 + f), it is
    k ln 2 + f - (f^2/2 - s (f^2/2 + R(s^2))), the arrangement of fdlibm, with the series of atanh
    to s^19 as R.

    Parameters
    ----------
    x : array_like of float64
        Positive and finite, any shape; subnormal numbers included.

    Returns
    -------
    :class:`numpy.ndarray`
        float64, shape of ``x``, a new array. Error below 1.1 units in the last place.

    Raises
    ------
    ValueError
        If an element is zero, negative, infinite or NaN.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.size and not (x.min() > 0 and x.max() < np.inf):
        raise ValueError("log needs positive finite arguments")
    mantissa, exponent = np.frexp(np.atleast_1d(x))
    small = mantissa < SQRT_HALF
    mantissa += mantissa * small
    power = (exponent - small).astype(np.float64)
    mantissa -= 1.0
    ratio = mantissa / (mantissa + 2.0)
    half_square = mantissa * mantissa
    half_square *= 0.5
    series = _horner(LOG_SERIES, ratio * ratio)
    series *= ratio * ratio
    series += half_square
    series *= ratio
    series += power * LN2_LOW
    result = half_square
    result -= series
    result -= mantissa
    power *= LN2_HIGH
    power -= result
    return power.reshape(x.shape)


def sin_pi(x: npt.ArrayLike) -> FloatArray:
    """Sine of pi x, exact at multiples of 1/2.

    Parameters
    ----------
    x : array_like of float64
        Any shape, ``|x|`` below 2^51.

    Returns
    -------
    :class:`numpy.ndarray`
        float64, shape of ``x``, a new array. Error below 1.6 units in the last place.
    """
    return _quarter_turns(x, 0)


def cos_pi(x: npt.ArrayLike) -> FloatArray:
    """Cosine of pi x, exact at multiples of 1/2; otherwise as :func:`sin_pi`."""
    return _quarter_turns(x, 1)


def _quarter_turns(x: npt.ArrayLike, shift: int) -> FloatArray:
    """Return sin(pi (x + shift/2)) by reduction to ``|r|`` <= 1/4, which is exact."""
    x = np.asarray(x, dtype=np.float64)
    turns = np.rint(x * 2.0)
    reduced = x - turns * 0.5
    quadrant = (turns.astype(np.int64) + shift) & 3
    square = reduced * reduced
    sine = _horner(_SIN_SERIES, square) * square * reduced
    sine += reduced * _PI_LOW
    sine += reduced * _PI_HIGH
    cosine = _horner(_COS_SERIES, square) * square
    cosine += 1.0
    result = np.where(quadrant & 1, cosine, sine)
    return np.where(quadrant & 2, -result, result) + 0.0


def _horner(coefficients: list[float], x: FloatArray) -> FloatArray:
    """Evaluate a polynomial, highest power first."""
    result = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        result += coefficient
        result *= x
    result += coefficients[-1]
    return result


def normal_distribution(x: npt.ArrayLike) -> FloatArray:
    """Probability that a standard normal number is below x.

    Sums ``1/2 + phi(x) (x + x^3 / 3 + x^5 / (3 5) + ...)`` with phi the normal density.

    Parameters
    ----------
    x : array_like of float64
        Any shape; below -8.5 and above 8.5 it is clamped.

    Returns
    -------
    :class:`numpy.ndarray`
        float64, shape of ``x``, a new array. Error below 1e-15, not relative to the result.

    Source: Marsaglia 2004, "Evaluating the normal distribution".
    """
    x = np.clip(np.asarray(x, dtype=np.float64), -8.5, 8.5)
    square = x * x
    term = x.copy()
    series = x.copy()
    for odd in range(3, 400, 2):
        term = term * square / odd
        before, series = series, series + term
        if (before == series).all():
            break
    return np.clip(0.5 + exp(-0.5 * square) * _NORMAL_SCALE * series, 0.0, 1.0)


def fixed_sum(values: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """Sum along one axis in an order that depends on the axis' length alone.

    The axis is padded with zeros to a power of two; then its upper half is added to its lower half
    until one element is left. ``numpy.sum`` groups by vector registers and memory layout instead.

    Parameters
    ----------
    values : array_like of float64
        Any shape with at least one axis.
    axis : :class:`int`
        Axis to sum over. An empty axis sums to zero.

    Returns
    -------
    :class:`numpy.ndarray`
        float64, the shape of ``values`` without ``axis``. For n terms the error is below
        ``ceil(log2(n)) * 2**-53`` times the sum of the magnitudes.
    """
    array = np.asarray(values, dtype=np.float64).swapaxes(0, axis)
    count = len(array)
    if count < 2:
        total = array[0] + 0.0 if count else np.zeros(array.shape[1:])
        return total[None].swapaxes(0, axis).squeeze(axis)
    half = 1 << ((count - 1).bit_length() - 1)
    total = array[:half].copy()
    total[: count - half] += array[half:]
    while half > 1:
        half //= 2
        total[:half] += total[half : 2 * half]
    return total[:1].swapaxes(0, axis).squeeze(axis)
