"""Programs that an engine must not be given."""

from dataclasses import replace

import pytest
from hypothesis import given

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.planning.addressing import addresses
from tenzo.sw.planning.program_check import check_program, footprint, stage_addresses
from tenzo.sw.program import Program, Stage
from tests.sw.random_programs import cases

ENGINE = EngineParameters()
FIRST = Stage(
    (1, 1, 1, 1, 4, 8),
    0,
    (0, 0, 0, 0, 0, 1),
    0,
    (0, 0, 0, 0, 8, 1),
    16,
    (0, 0, 0, 0, 1),
    shift=2,
    bias_strides=(0, 0, 0, 0, 1),
    use_bias=True,
    sample_input=True,
)
LAST = replace(
    FIRST,
    counts=(1, 1, 1, 1, 2, 4),
    input_base=16,
    sample_input=False,
    output_base=0,
    to_results=True,
    use_bias=False,
)
PROGRAM = Program((FIRST, LAST), 32, 4, 8, (0, 8), 2, 0)


@given(cases())
def test_touched_addresses_are_those_of_the_nests(case):
    for stage, used in zip(
        case.program.stages, check_program(case.program, case.engine), strict=True
    ):
        nest = addresses(stage.counts, stage.input_base, stage.input_strides)
        assert used.inputs.tolist() == sorted(set(nest.reshape(-1).tolist()))


def with_first(**fields: object) -> Program:
    return PROGRAM.with_stages([replace(FIRST, **fields), LAST])  # type: ignore[arg-type]


def with_last(**fields: object) -> Program:
    return PROGRAM.with_stages([FIRST, replace(LAST, **fields)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (with_first(weight_base=1), "stage 0: weight address 32 must be below 32"),
        (with_first(bias_base=1), "stage 0: bias address 4 must be below 4"),
        (with_first(input_base=1), "stage 0: sample address 8 must be below 8"),
        (with_first(output_base=1022), "stage 0: output address 1025 must be below 1024"),
        (with_first(output_base=12), "stage 0: an output lies in the sample region"),
        (with_first(output_strides=(0,) * 5), "stage 0: two outputs have the same address"),
        (with_first(shift=43), "stage 0: shift must be at most 42 on this engine, not 43"),
        (with_first(bias_shift=17), "stage 0: bias_shift must be at most 16 .* not 17"),
        (with_last(input_base=1022), "stage 1: input address 1025 must be below 1024"),
        (with_last(input_base=12), "stage 1: an input lies in the sample region: set sample_"),
        (with_last(output_base=1), "stage 1: result address 2 must be below 2"),
        (
            with_last(to_results=False, output_base=18),
            "stage 1: inputs and outputs overlap: move output_base",
        ),
        (
            with_last(counts=(1, 1, 1, 1, 1, 1025), input_strides=(0,) * 6),
            "stage 1: terms must be at most 1024 on this engine, not 1025",
        ),
        (replace(PROGRAM, sample_bases=(0, 1017)), "the lane memory needs 1025 words but holds"),
        (replace(PROGRAM, sample_bases=()), "a program must have at least one sample base"),
        (replace(PROGRAM, weight_count=1025), "the weight bank needs 1025 weights but holds 1024"),
        (replace(PROGRAM, bias_count=129), "the bias bank needs 129 biases but holds 128"),
        (replace(PROGRAM, output_count=17), "the result buffer needs 17 outputs but holds 16"),
        (PROGRAM.with_stages([FIRST] * 33), "the program memory needs 33 stages but holds 32"),
    ],
)
def test_programs_that_do_not_fit_are_errors(program, message):
    with pytest.raises(UserError, match=message):
        check_program(program, ENGINE)


def test_the_program_of_these_tests_is_good():
    check_program(PROGRAM, ENGINE)


def test_footprint_of_a_part_of_a_program():
    touched = check_program(PROGRAM, ENGINE)
    whole = footprint(PROGRAM.stages, touched)
    assert (whole.reads.tolist(), whole.writes.tolist(), whole.results) == ([], [16, 17, 18, 19], 2)
    tail = footprint(PROGRAM.stages[1:], touched[1:])
    assert (tail.reads.tolist(), tail.writes.tolist(), tail.results) == ([16, 17, 18, 19], [], 2)


def test_unused_operands_touch_nothing():
    used = stage_addresses(replace(FIRST, unit_weight=True, use_bias=False))
    assert used.weights.size == 0
    assert used.biases.size == 0
