"""Descriptors: encoding, address steps, and the interpreter's decoding of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.errors import UserError
from tenzo.sw.golden.reference import decode, terms
from tenzo.sw.planning.addressing import addresses
from tenzo.sw.program import (
    CONTROL_FIELDS,
    DESCRIPTOR_HALFWORDS,
    DESCRIPTOR_WORDS,
    HALFWORDS,
    Activation,
    Program,
    Stage,
    address_steps,
)
from tests.sw.random_programs import cases

NEST = st.lists(st.tuples(st.integers(1, 4), st.integers(-70000, 70000)), min_size=6, max_size=6)

STAGE = Stage(
    (1, 2, 3, 4, 5, 6),
    100,
    (7, 8, 9, 10, 11, 12),
    200,
    (-1, 0, 0, 0, 3, 1),
    300,
    (1, 2, 3, 4, 5),
    shift=43,
    bias_base=17,
    bias_strides=(1, 1, 1, 1, 1),
    bias_shift=21,
    activation=Activation.RELU,
    use_bias=True,
    unit_weight=True,
    to_results=True,
    sample_input=True,
    wait_cycles=1234,
)


@given(NEST, st.integers(0, 65535))
def test_steps_of_counters_visit_the_addresses_of_the_nest(nest, base):
    counts, strides = zip(*nest, strict=True)
    stage = replace(STAGE, counts=counts, input_base=base, input_strides=strides)
    visited = [term.input for term in terms(decode(stage.encode()))]
    assert visited == addresses(counts, base, strides).reshape(-1).tolist()


@given(NEST, st.integers(0, 65535))
def test_outputs_and_biases_move_when_k_wraps(nest, base):
    counts, strides = zip(*nest, strict=True)
    fields = {"output_base": base, "output_strides": strides[:5]}
    stage = replace(STAGE, counts=counts, bias_base=base, bias_strides=strides[:5], **fields)
    last = [(term.output, term.bias) for term in terms(decode(stage.encode())) if term.last]
    expected = addresses(counts[:5], base, strides[:5]).reshape(-1).tolist()
    assert last == [(address, address) for address in expected]


def test_steps_by_hand():
    assert address_steps((2, 3), (10, 1)) == (8, 1)
    assert address_steps((2, 2, 2), (0, 4, 1)) == (65536 - 5, 3, 1)


def test_every_control_field_survives_encoding():
    control = decode(STAGE.encode()).control
    for name in CONTROL_FIELDS:
        assert control[name] == int(getattr(STAGE, name))


def test_every_base_survives_encoding():
    descriptor = decode(STAGE.encode())
    assert [descriptor.base(name) for name in ("input", "weight", "output", "bias")] == [
        100,
        200,
        300,
        17,
    ]
    assert descriptor.halfwords["last_index"] == (0, 1, 2, 3, 4, 5)
    assert descriptor.halfwords["wait_cycles"] == (1234,)


def test_fields_do_not_overlap():
    bits = [bit for low, width in CONTROL_FIELDS.values() for bit in range(low, low + width)]
    assert len(set(bits)) == len(bits)
    assert max(bits) < 32
    halves = [half for first, count in HALFWORDS.values() for half in range(first, first + count)]
    assert sorted([*halves, 3]) == list(range(DESCRIPTOR_HALFWORDS))  # halfword 3 is spare


@given(cases())
def test_a_program_is_its_stages_word_after_word(case):
    words = case.program.encode()
    assert len(words) == DESCRIPTOR_WORDS * len(case.program.stages)
    assert all(0 <= word < 1 << 32 for word in words)
    assert words[-DESCRIPTOR_WORDS:] == case.program.stages[-1].encode()


def test_counts_of_a_stage():
    assert STAGE.macs == 720
    assert STAGE.output_count == 120
    program = Program((STAGE, STAGE), 3, 4, 5, (0,), 6, 7)
    assert (program.macs, program.parameter_count) == (1440, 7)
    assert program.with_stages([STAGE]).stages == (STAGE,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"counts": (1, 1, 1, 1, 1, 0)}, "stage count k must be 1 to 65536, not 0"),
        ({"counts": (65537, 1, 1, 1, 1, 1)}, "stage count left1 must be 1 to 65536, not 65537"),
        ({"wait_cycles": 65536}, "wait_cycles must be 0 to 65535, not 65536"),
        ({"shift": 64}, "stage shift must be 0 to 63, not 64"),
        ({"bias_shift": 32}, "stage bias_shift must be 0 to 31, not 32"),
    ],
)
def test_stages_out_of_range_are_errors(fields, message):
    with pytest.raises(UserError, match=message):
        replace(STAGE, **fields)
