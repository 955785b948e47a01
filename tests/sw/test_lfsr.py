"""LFSR against its definition, an independent implementation, and algebra over GF(2)."""

from itertools import islice

import galois
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.errors import UserError
from tenzo.sw.lfsr import LfsrParameters

DEFAULT = LfsrParameters()

MAXIMAL_TAPS = {3: 0b110, 4: 0b1100, 8: 0xB8, 16: 0xD008, 16 + 8: 0xE10000, 31: 0x48000000}
"""Taps of maximal length from published tables (Xilinx XAPP 052), by width."""


def polynomial(lfsr: LfsrParameters) -> galois.Poly:
    """Characteristic polynomial: bit i of the taps stands for x^(i+1), the constant is 1."""
    degrees = [0] + [bit + 1 for bit in range(lfsr.width) if lfsr.taps >> bit & 1]
    return galois.Poly.Degrees(degrees, field=galois.GF(2))


def test_the_default_polynomial_is_x32_x22_x2_x_1():
    assert polynomial(DEFAULT) == galois.Poly.Degrees([32, 22, 2, 1, 0])


def test_the_default_polynomial_is_primitive():
    assert polynomial(DEFAULT).is_primitive()


@pytest.mark.parametrize("width", MAXIMAL_TAPS)
def test_published_taps_are_primitive(width):
    assert polynomial(LfsrParameters(width, MAXIMAL_TAPS[width])).is_primitive()


def accepts(width, taps):
    """Whether a register takes these taps."""
    try:
        LfsrParameters(width, taps)
    except UserError:
        return False
    return True


@pytest.mark.parametrize("width", range(2, 11))
def test_exactly_the_primitive_polynomials_are_accepted(width):
    every = range(1 << (width - 1), 1 << width)
    primitive = {int(found) >> 1 for found in galois.primitive_polys(2, width)}
    assert {taps for taps in every if accepts(width, taps)} == primitive


@pytest.mark.parametrize("width", range(11, 33))
def test_neighbours_of_a_primitive_polynomial_are_accepted_if_primitive(width):
    start = int(galois.primitive_poly(2, width, method="max")) >> 1
    for taps in range(max(start - 6, 1 << (width - 1)), min(start + 7, 1 << width)):
        assert accepts(width, taps) == galois.Poly.Int(taps << 1 | 1).is_primitive(), hex(taps)


@pytest.mark.parametrize("width", [width for width in MAXIMAL_TAPS if width <= 16])
def test_a_primitive_polynomial_visits_every_state_but_zero(width):
    lfsr = LfsrParameters(width, MAXIMAL_TAPS[width])
    seen, state = set(), 1
    while state not in seen:
        seen.add(state)
        state = lfsr.step(state)
    assert state == 1
    assert len(seen) == 2**width - 1 == lfsr.period


@pytest.mark.parametrize("lfsr", [DEFAULT, LfsrParameters(16, 0xD008), LfsrParameters(5, 0x17)])
@pytest.mark.parametrize("seed", [1, 2, 19, 31])
def test_the_stream_equals_an_independent_galois_register(lfsr, seed):
    # galois numbers the cells from the other end: its last cell is our bit 0.
    cells = [seed >> bit & 1 for bit in reversed(range(lfsr.width))]
    oracle = galois.GLFSR(polynomial(lfsr), state=cells)
    assert np.array(oracle.step(300)).tolist() == lfsr.stream(seed, 300).tolist()


def test_the_stream_obeys_the_recurrence_of_the_polynomial():
    bits = DEFAULT.stream(0xDEADBEEF, 5000).astype(int)
    n = np.arange(5000 - 32)
    assert not ((bits[n + 32] + bits[n + 31] + bits[n + 30] + bits[n + 10] + bits[n]) % 2).any()


@st.composite
def registers(draw: st.DrawFn) -> tuple[LfsrParameters, int]:
    width = draw(st.integers(2, 32))
    taps = int(galois.primitive_poly(2, width, method=draw(st.sampled_from(["min", "max"])))) >> 1
    return LfsrParameters(width, taps), draw(st.integers(1, (1 << width) - 1))


@given(registers(), st.integers(0, 700))
def test_the_vectorised_stream_equals_the_register(pair, count):
    lfsr, seed = pair
    assert lfsr.stream(seed, count).tolist() == list(islice(lfsr.bits(seed), count))


def test_a_long_stream_equals_the_register():
    lfsr = LfsrParameters()
    assert lfsr.stream(12345, 70_000).tolist() == list(islice(lfsr.bits(12345), 70_000))


def test_first_states_of_seed_one():
    states, state = [], 1
    for _ in range(4):
        state = DEFAULT.step(state)
        states.append(state)
    assert states == [0x80200003, 0xC0300002, 0x60180001, 0xB02C0003]


@pytest.mark.parametrize("seed", [0, -1, 1 << 32])
def test_a_seed_out_of_range_is_an_error(seed):
    with pytest.raises(UserError, match=f"seed must be 1 to 4294967295, not {seed}"):
        DEFAULT.stream(seed, 1)


@pytest.mark.parametrize(
    ("width", "taps", "message"),
    [
        (1, 1, "width must be 2 to 32 bits, not 1"),
        (33, 1 << 32, "width must be 2 to 32 bits, not 33"),
        (8, 0x70, "taps must have bit 7 as their highest, not 0x70"),
        (8, 0x170, "taps must have bit 7 as their highest, not 0x170"),
        (8, 0x80, "taps 0x80 repeat before all 255 states of 8 bits have come"),
    ],
)
def test_parameters_out_of_range_are_errors(width, taps, message):
    with pytest.raises(UserError, match=message):
        LfsrParameters(width, taps)
