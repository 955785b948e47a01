"""Linear-feedback shift registers: parameters, the Python-integer model and vectorised streams."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError


@dataclass(frozen=True)
class LfsrParameters:
    """Galois LFSR that shifts right.

    ``state = (state >> 1) ^ (taps if state & 1 else 0)``; the output bit is ``state & 1`` before
    the shift. The default polynomial is x^32 + x^22 + x^2 + x + 1, of period 2^32 - 1.

    Parameters
    ----------
    width : :class:`int`
        Length in bits, 2 to 32.
    taps : :class:`int`
        Feedback mask; its top bit must be set. Bit i stands for x^(i+1), the constant is 1.

    Raises
    ------
    UserError
        If width or taps are out of range, or the polynomial is not primitive.
    """

    width: int = 32
    taps: int = 0x80200003

    def __post_init__(self) -> None:
        if not 2 <= self.width <= 32:
            raise UserError(f"LFSR width must be 2 to 32 bits, not {self.width!r}")
        if self.taps >> (self.width - 1) != 1:
            raise UserError(
                f"LFSR taps must have bit {self.width - 1} as their highest, not {self.taps:#x}"
            )
        if not _is_primitive(self.width, self.taps):
            raise UserError(
                f"LFSR taps {self.taps:#x} repeat before all {self.period} states of {self.width} "
                "bits have come: take those of a primitive polynomial from a table"
            )

    @property
    def period(self) -> int:
        """Steps after which any seed comes back: all states but zero."""
        return (1 << self.width) - 1

    def check_seed(self, seed: int) -> int:
        """Return the seed, or raise :class:`UserError` if it is zero or too wide."""
        if not 0 < seed < 1 << self.width:
            raise UserError(
                f"seed must be 1 to {(1 << self.width) - 1}, not {seed!r}: "
                "an all-zero register never changes"
            )
        return seed

    def step(self, state: int) -> int:
        """Return the state after one shift."""
        return (state >> 1) ^ (self.taps if state & 1 else 0)

    def bits(self, seed: int) -> Iterator[int]:
        """Yield the output bits of a seed, one by one: the definition of the stream."""
        state = self.check_seed(seed)
        while True:
            yield state & 1
            state = self.step(state)

    def stream(self, seed: int, count: int) -> npt.NDArray[np.uint8]:
        """Return the first ``count`` output bits of a seed, as uint8 of shape (count,).

        Output bit i is a linear function of the seed, the parity of ``seed & mask[i]``, so all bits
        come out at once. Hardware twin: ``tenzo.hw.lfsr.Lfsr``.
        """
        masks = _masks(self, count)
        return np.bitwise_count(masks & np.uint32(self.check_seed(seed))) & np.uint8(1)


@lru_cache(maxsize=256)
def _is_primitive(width: int, taps: int) -> bool:
    """Return whether x has the order 2^width - 1 modulo the polynomial: the longest period.

    A step of the register divides by x, and only a primitive polynomial has units enough.
    """
    polynomial, period = taps << 1 | 1, (1 << width) - 1
    return _power_of_x(period, polynomial, width) == 1 and all(
        _power_of_x(period // prime, polynomial, width) != 1 for prime in _prime_factors(period)
    )


def _prime_factors(number: int) -> set[int]:
    """Return the prime factors, by trial division."""
    factors, divisor = set(), 3  # numbers of ones alone are odd
    while divisor * divisor <= number:
        while number % divisor == 0:
            factors.add(divisor)
            number //= divisor
        divisor += 2
    return factors | {number} - {1}


def _power_of_x(exponent: int, polynomial: int, width: int) -> int:
    """Return x^exponent modulo a polynomial over GF(2); bit i stands for x^i."""
    result = 1
    for bit in f"{exponent:b}":
        result = _modular_product(result, result, polynomial, width)
        if bit == "1":
            result = _modular_product(result, 2, polynomial, width)
    return result


def _modular_product(left: int, right: int, polynomial: int, width: int) -> int:
    """Multiply modulo a polynomial of degree ``width``."""
    result = 0
    while right:
        if right & 1:
            result ^= left
        right >>= 1
        left <<= 1
        if left >> width:
            left ^= polynomial
    return result


def _masks(parameters: LfsrParameters, count: int) -> npt.NDArray[np.uint32]:
    """Return ``mask[i]``, uint32 of shape (count,): seed bits whose parity is output bit i."""
    return _mask_table(parameters, max(64, 1 << (count - 1).bit_length()))[:count]


@lru_cache(maxsize=16)
def _mask_table(parameters: LfsrParameters, count: int) -> npt.NDArray[np.uint32]:
    """Build the masks by doubling: jump-ahead by 2^k maps the first 2^k masks to the next."""
    masks = np.array([1], dtype=np.uint32)
    columns = [parameters.step(1 << bit) for bit in range(parameters.width)]
    while len(masks) < count:
        masks = np.concatenate([masks, _transposed_product(columns, masks)])
        columns = [_product(columns, column) for column in columns]
    return masks


def _product(columns: list[int], vector: int) -> int:
    """Multiply a GF(2) matrix, given by its columns, with a vector."""
    result = 0
    for bit, column in enumerate(columns):
        if vector >> bit & 1:
            result ^= column
    return result


def _transposed_product(
    columns: list[int], vectors: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint32]:
    """Multiply the transpose of a GF(2) matrix with each vector."""
    result = np.zeros_like(vectors)
    for bit, column in enumerate(columns):
        parity = np.bitwise_count(vectors & np.uint32(column)) & np.uint8(1)
        result |= parity.astype(np.uint32) << np.uint32(bit)
    return result
