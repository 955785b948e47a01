"""Perturbation against its definition in Python integers."""

import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.perturbation import (
    check_query,
    directions,
    epsilon_raw,
    kurtosis,
    perturb,
    perturb_all,
    variance,
)
from tenzo.sw.program import Program, Stage

STAGE = Stage((1,) * 6, 0, (0,) * 6, 0, (0,) * 6, 0, (0,) * 5, shift=0)
PROGRAM = Program((STAGE,), 30, 7, 4, (0,), 2, 0)
KINDS = [(Distribution.RADEMACHER, 1)] + [
    (kind, bits) for kind in (Distribution.UNIFORM, Distribution.BINOMIAL) for bits in range(1, 9)
]


def defined(raw: list[int], query: Query, engine: EngineParameters) -> tuple[list[int], int]:
    """The bit-serial definition: one step of the accumulated perturbation for every bit."""
    bits = engine.lfsr.bits(query.seed)
    result, saturated = [], 0
    last = len(raw) if query.last is None else query.last
    for address, value in enumerate(raw):
        step = 0
        if query.first <= address < last:
            for bit in islice(bits, query.bits):
                doubled = 2 * step if query.distribution == Distribution.UNIFORM else step
                step = doubled + (query.epsilon_raw if bit else -query.epsilon_raw)
        clamped = engine.weight.saturate(value + query.sign * step)
        saturated += clamped != value + query.sign * step
        result.append(clamped)
    return result, saturated


@given(st.data())
def test_perturbed_parameters_equal_the_definition(data):
    weight = Format(data.draw(st.integers(4, 18)), 3)
    engine = EngineParameters(weight=weight)
    distribution, bits = data.draw(st.sampled_from(KINDS))
    first = data.draw(st.integers(0, 37))
    query = Query(
        sign=data.draw(st.sampled_from([-1, 0, 1])),
        seed=data.draw(st.integers(1, 2**32 - 1)),
        epsilon_raw=data.draw(st.sampled_from([1, weight.max_raw]) | st.integers(1, 7)),
        distribution=distribution,
        bits=bits,
        first=first,
        last=data.draw(st.none() | st.integers(first, 37)),
    )
    raw = data.draw(st.lists(st.integers(weight.min_raw, weight.max_raw), min_size=37, max_size=37))
    perturbed, saturated = perturb(np.array(raw), query, PROGRAM, engine)
    assert (perturbed.tolist(), saturated) == defined(raw, query, engine)


@given(st.data())
def test_one_hot_adds_a_signed_step_to_one_parameter(data):
    weight = Format(data.draw(st.integers(4, 18)), 3)
    edges = st.sampled_from([weight.min_raw, weight.min_raw + 1, -1, weight.max_raw])
    value = edges | st.integers(weight.min_raw, weight.max_raw)
    raw = data.draw(st.lists(value, min_size=37, max_size=37))
    address = data.draw(st.integers(0, 36))
    step = data.draw(st.integers(-weight.max_raw, weight.max_raw).filter(bool))
    query = Query.one_hot(address, step)
    perturbed, saturated = perturb(np.array(raw), query, PROGRAM, EngineParameters(weight=weight))
    wanted = max(weight.min_raw, min(weight.max_raw, raw[address] + step))
    assert perturbed.tolist() == [*raw[:address], wanted, *raw[address + 1 :]]
    assert saturated == (wanted != raw[address] + step)


def test_the_seed_of_a_one_hot_query_does_not_matter():
    raw, queries = np.arange(37), [replace(Query.one_hot(36, -5), seed=seed) for seed in (1, 99)]
    rows, _ = perturb_all(raw.astype(np.float64), queries, PROGRAM, EngineParameters())
    assert (rows == [*range(36), 31]).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"last": 5}, "perturbs one parameter: last must be 4, first [+] 1, not 5"),
        ({"last": None}, "last must be 4, first [+] 1, not None"),
        ({"bits": 2}, "one-hot query bits must be 1, not 2"),
        ({"epsilon_raw": 0}, "epsilon_raw must be at least 1"),
        ({"seed": 0}, "seed must not be 0"),
    ],
)
def test_a_one_hot_query_of_anything_else_is_an_error(fields, message):
    with pytest.raises(UserError, match=message):
        replace(Query.one_hot(3, 7), **fields)


def test_many_queries_at_once_equal_one_after_the_other():
    engine = EngineParameters()
    raw = np.arange(-18, 19) * 1800
    queries = [
        Query(sign=sign, seed=seed, epsilon_raw=900, distribution=kind, bits=bits, first=3)
        for kind, bits in KINDS
        for seed in (5, 6)
        for sign in (1, 0, -1)
    ]
    rows, counts = perturb_all(raw.astype(np.float64), queries, PROGRAM, engine)
    for row, count, query in zip(rows, counts, queries, strict=True):
        single, saturated = perturb(raw, query, PROGRAM, engine)
        assert row.tolist() == single.tolist()
        assert count == saturated
    assert counts.any()


@pytest.mark.parametrize(
    ("kind", "bits", "expected"),
    [
        (Distribution.RADEMACHER, 1, [1, -1, 1, -1, 1, 1, -1, 1]),
        (Distribution.UNIFORM, 2, [1, 1, 3, -1]),
        (Distribution.UNIFORM, 4, [5, 11]),
        (Distribution.BINOMIAL, 2, [0, 0, 2, 0]),
        (Distribution.BINOMIAL, 4, [0, 2]),
    ],
)
def test_directions_by_hand(kind, bits, expected):
    # Seed 0b1011 gives the bits 1, 0, 1, 0, 1, 1, 0, 1: taps 0b11 at the low end.
    query = Query(1, 0b1011, 1, kind, bits)
    assert directions(query, len(expected), LfsrParameters()).tolist() == expected


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_variance_and_kurtosis_are_those_of_all_equally_likely_bits(kind, bits):
    values = []
    for pattern in range(1 << bits):
        drawn = [pattern >> (bits - 1 - index) & 1 for index in range(bits)]
        if kind == Distribution.UNIFORM:
            values.append(2 * pattern + 1 - (1 << bits))
        else:
            values.append(sum(2 * bit - 1 for bit in drawn))
    assert sum(values) == 0
    second = sum(value**2 for value in values) / len(values)
    fourth = sum(value**4 for value in values) / len(values)
    assert variance(kind, bits) == second
    assert kurtosis(kind, bits) == pytest.approx(fourth / second**2, rel=1e-14)


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_the_smallest_epsilon_in_the_message_works(kind, bits):
    weight = Format(16, 14)
    with pytest.raises(UserError, match="rounds to zero") as caught:
        epsilon_raw(1e-9, weight, kind, bits)
    smallest = float(str(caught.value).rsplit(" ", 1)[1])
    assert epsilon_raw(smallest, weight, kind, bits) == 1
    with pytest.raises(UserError, match="rounds to zero"):
        epsilon_raw(smallest * 0.98, weight, kind, bits)


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_epsilon_is_the_rms_of_the_perturbation(kind, bits):
    raw = epsilon_raw(0.1, Format(18, 16), kind, bits)
    realised = raw * 2.0**-16 * math.sqrt(variance(kind, bits))
    assert abs(realised - 0.1) <= 2.0**-17 * math.sqrt(variance(kind, bits))


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf])
def test_an_epsilon_that_is_no_positive_number_is_an_error(epsilon):
    with pytest.raises(UserError, match="epsilon"):
        epsilon_raw(epsilon, Format(16, 14), Distribution.RADEMACHER, 1)


def test_an_epsilon_beyond_the_weights_is_an_error():
    with pytest.raises(UserError, match=r"epsilon 3.0 exceeds .* the largest that works is 1.999"):
        epsilon_raw(3.0, Format(16, 14), Distribution.RADEMACHER, 1)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(seed=1 << 32), "seed must be 1 to 4294967295"),
        (Query(1, 1, 40000), "epsilon_raw must be at most 32767, not 40000"),
        (Query(1, 1, 1, Distribution.UNIFORM, 9), "bits must be 1 to 8, not 9"),
        (Query(1, 1, 1, Distribution.UNIFORM, 0), "bits must be 1 to 8, not 0"),
        (Query(1, 1, 1, last=38), "range 0..38 must lie in the parameters"),
    ],
)
def test_queries_that_the_engine_would_refuse_are_errors(query, message):
    with pytest.raises(UserError, match=message):
        check_query(query, PROGRAM, EngineParameters())


def test_a_zero_seed_is_an_error():
    with pytest.raises(UserError, match="seed must not be 0"):
        Query(seed=0)
