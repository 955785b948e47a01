"""Sine and tanh in integers: the one definition that golden model, kernels and gateware share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tenzo.sw.program import Activation

IntArray = npt.NDArray[np.int64]

FUNCTIONS = (Activation.SINE, Activation.TANH)
"""What a table holds, in the order of its addresses."""

_DIGITS = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


@dataclass(frozen=True)
class Table:
    """Piecewise linear sine and tanh of a raw integer.

    An argument x has ``width`` bits, ``frac_bits`` of them fractional. Both functions are odd, so
    the table covers 0 to ``limit`` = 2^(width - 1 - frac_bits), in 2^n segments of 2^s raw units
    each, n = ``segment_bits``, s = width - 1 - n. With m = x if x >= 0, else -x - 1 (the inverted
    bits of x):

        i        = m >> s
        fraction = (m & (2^s - 1)) + (1 if x < 0 else 0)
        y        = base[i] + ((slope[i] * fraction + half) >> s)
        result   = -y if x < 0 else y

    ``half`` is 2^(s - 1), or 0 if s = 0; ``slope[i]`` is ``base[i + 1] - base[i]``, so the line is
    unbroken. The result has ``width`` bits, ``width - 2`` of them fractional. ``base`` lies half of
    the greatest distance between chord and curve off the curve, f - f'' h^2 / 16 for segments of
    length h, and is rounded to nearest.

    The result differs from the exact function by at most :attr:`error_bound` units of its last
    place: one for two roundings, and the distance from the curve. f(-x) = -f(x) exactly. The
    defaults of a configuration stay below 1.3 units, up to 18 bits of width.

    Hardware twin: :class:`tenzo.hw.table.TableUnits`.

    Parameters
    ----------
    width, frac_bits : :class:`int`
        Format of the argument.
    segment_bits : :class:`int`
        n above, 1 to width - 1. Segments are at most 1/2 long: frac_bits >= width - segment_bits.
    """

    width: int
    frac_bits: int
    segment_bits: int

    @property
    def limit(self) -> float:
        """Magnitude that arguments stay below, or reach as the lowest raw integer."""
        return float(2.0 ** (self.width - 1 - self.frac_bits))

    @property
    def output_frac_bits(self) -> int:
        """Fractional bits of a result."""
        return self.width - 2

    @property
    def fraction_bits(self) -> int:
        """Bits of an argument inside one segment: s above."""
        return self.width - 1 - self.segment_bits

    @property
    def error_bound(self) -> float:
        """Largest error in units of the result's last place, over all arguments.

        1/2 where every argument has a segment of its own, else 1 + 2^(width - 2) h^2 / 16 (1 + 2 h)
        with the length h of a segment.
        """
        if self.fraction_bits == 0:
            return 0.5
        length = self.limit / (1 << self.segment_bits)
        return float(1 + 2.0**self.output_frac_bits * length**2 / 16 * (1 + 2 * length))

    def reaches_its_end(self, function: Activation) -> bool:
        """Whether a function is constant, to its last place, from the table's end on."""
        end = 2.0**self.output_frac_bits
        return function == Activation.TANH and int(self.words[1].sum(axis=1)[-1]) >= end - 1

    @cached_property
    def words(self) -> npt.NDArray[np.int32]:
        """``base`` and ``slope``, int32 of shape (2 functions, 2^n segments, 2)."""
        return np.stack([_words(self, function) for function in FUNCTIONS])

    def apply(self, function: Activation, arguments_raw: IntArray) -> IntArray:
        """Return the function of raw arguments.

        Parameters
        ----------
        function : :class:`Activation`
            ``SINE`` or ``TANH``.
        arguments_raw : int64 array of any shape
            ``width`` bits.

        Returns
        -------
        int64 array of the same shape, ``width - 2`` fractional bits.
        """
        words = self.words[FUNCTIONS.index(function)]
        sign = arguments_raw >> 63
        magnitude = arguments_raw ^ sign
        base, slope = np.moveaxis(words[magnitude >> self.fraction_bits].astype(np.int64), -1, 0)
        fraction = (magnitude & ((1 << self.fraction_bits) - 1)) - sign
        half = (1 << self.fraction_bits) >> 1
        values = base + ((slope * fraction + half) >> self.fraction_bits)
        return (values ^ sign) - sign

    def value(self, function: Activation, argument_raw: int) -> int:
        """Return the function of one raw argument, a Python integer."""
        negative = argument_raw < 0
        magnitude = ~argument_raw if negative else argument_raw
        segment = magnitude >> self.fraction_bits
        base, slope = map(int, self.words[FUNCTIONS.index(function), segment])
        fraction = magnitude - (segment << self.fraction_bits) + negative
        half = (1 << self.fraction_bits) >> 1
        value = base + ((slope * fraction + half) >> self.fraction_bits)
        return -value if negative else value


@lru_cache(maxsize=32)
def table(width: int, frac_bits: int, segment_bits: int) -> Table:
    """Return a table whose words are made once."""
    return Table(width, frac_bits, segment_bits)


def _words(table: Table, function: Activation) -> npt.NDArray[np.int32]:
    """Return base and slope of every segment, int32 of shape (segments, 2)."""
    with localcontext(Context(prec=_DIGITS)):
        length = Decimal(table.limit) / (1 << table.segment_bits)
        correction = length * length / 16 if table.fraction_bits else Decimal(0)
        unit = 1 << table.output_frac_bits
        nodes = [
            int((_node(function, length * index, correction) * unit).to_integral_value())
            for index in range((1 << table.segment_bits) + 1)
        ]
    pairs = [(base, after - base) for base, after in pairwise(nodes)]
    return np.array(pairs, dtype=np.int32)


def _node(function: Activation, x: Decimal, correction: Decimal) -> Decimal:
    """Return f(x) - correction f''(x)."""
    if function == Activation.SINE:
        return _sine(x) * (1 + correction)
    value = 1 - 2 / ((2 * x).exp() + 1)
    return value + correction * 2 * value * (1 - value * value)


def _sine(x: Decimal) -> Decimal:
    """Return the sine, by the Taylor series after reduction to |x| <= pi."""
    x -= (x / (2 * _PI)).to_integral_value() * 2 * _PI
    term = total = x
    power = 1
    while abs(term) > Decimal(10) ** -_DIGITS:
        power += 2
        term = -term * x * x / (power * (power - 1))
        total += term
    return total
