"""Fixed-point formats: the one definition that golden model and gateware share.

Numbers are two's-complement integers. A raw integer ``x_raw`` of a format with ``frac_bits``
fractional bits stands for ``x_raw * 2**-frac_bits``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError

RESULT_WIDTH = 32
"""Width in bits of what the last stage of a program writes."""


@dataclass(frozen=True)
class Format:
    """Two's-complement fixed-point format.

    Parameters
    ----------
    width : :class:`int`
        Width in bits, sign included, 2 to 32.
    frac_bits : :class:`int`
        Fractional bits. May exceed ``width``: the format then holds small values only.

    Raises
    ------
    UserError
        If ``width`` or ``frac_bits`` is out of range.
    """

    width: int
    frac_bits: int

    def __post_init__(self) -> None:
        if not 2 <= self.width <= 32:
            raise UserError(f"format width must be 2 to 32 bits, not {self.width!r}")
        if not 0 <= self.frac_bits <= 62:
            raise UserError(f"fractional bits must be 0 to 62, not {self.frac_bits!r}")

    @property
    def min_raw(self) -> int:
        """Smallest raw integer."""
        return -(1 << (self.width - 1))

    @property
    def max_raw(self) -> int:
        """Largest raw integer."""
        return (1 << (self.width - 1)) - 1

    @property
    def step(self) -> float:
        """Value of one raw unit."""
        return float(2.0**-self.frac_bits)

    def saturate(self, raw: int) -> int:
        """Clamp a Python integer to the format."""
        return max(self.min_raw, min(self.max_raw, raw))

    def quantize(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Round real values half up and saturate them.

        Parameters
        ----------
        values : float64 array of any shape

        Returns
        -------
        int64 array of the same shape, raw integers.
        """
        scaled = np.floor(np.asarray(values, dtype=np.float64) * 2.0**self.frac_bits + 0.5)
        return np.clip(scaled, self.min_raw, self.max_raw).astype(np.int64)

    def __str__(self) -> str:
        return f"{self.width} bits, {self.frac_bits} fractional"


def requantize(accumulator: int, shift: int, width: int) -> tuple[int, bool]:
    """Round half up by an arithmetic shift, then saturate.

    Computes ``sat((accumulator + (1 << (shift - 1))) >> shift)``; ``shift = 0`` only saturates.

    Parameters
    ----------
    accumulator : :class:`int`
        Exact sum.
    shift : :class:`int`
        Bits to drop, at least 0.
    width : :class:`int`
        Width of the result in bits, sign included.

    Returns
    -------
    The raw result, and whether it saturated. Hardware twin: ``tenzo.hw.requantize``.
    """
    rounded = (accumulator + ((1 << shift) >> 1)) >> shift
    limit = 1 << (width - 1)
    clamped = max(-limit, min(limit - 1, rounded))
    return clamped, clamped != rounded


def accumulator_width(
    activation_width: int, weight_width: int, max_terms: int, max_bias_shift: int
) -> int:
    """Bits that hold every sum of a stage exactly, bias and rounding included.

    The largest magnitude is ``max_terms`` products of two minima plus a minimal weight shifted left
    by ``max_bias_shift``. One more bit keeps the addition of half a unit from overflowing.

    Parameters
    ----------
    activation_width, weight_width : :class:`int`
        Operand widths in bits, sign included.
    max_terms : :class:`int`
        Largest number of products in a sum.
    max_bias_shift : :class:`int`
        Largest left shift of a bias.

    Returns
    -------
    Width in bits, sign included.
    """
    products = max_terms << (activation_width + weight_width - 2)
    bias = 1 << (weight_width - 1 + max_bias_shift)
    return (products + bias).bit_length() + 2
