"""Sine and tanh in integers against the functions themselves, over every argument."""

import numpy as np
import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.program import Activation
from tenzo.sw.table import FUNCTIONS, Table

EXACT = {Activation.SINE: np.sin, Activation.TANH: np.tanh}
TABLES = [
    Table(width, frac_bits, segment_bits)
    for width in range(8, 19)
    for frac_bits in (width - 5, width - 4, width - 3, width)
    for segment_bits in {5, 7, min(12, width - 1)}
]
SMALL = [Table(4, 1, 3), Table(4, 4, 1), Table(5, 2, 3), Table(7, 2, 5)]


def errors(table, function, arguments):
    """Errors in units of the result's last place."""
    results = table.apply(function, arguments)
    exact = EXACT[function](arguments * 2.0**-table.frac_bits)
    return np.abs(results - exact * 2.0**table.output_frac_bits)


def arguments_of(table):
    return np.arange(-1 << (table.width - 1), 1 << (table.width - 1), dtype=np.int64)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("table", TABLES + SMALL, ids=str)
def test_no_argument_errs_by_more_than_the_bound(table, function):
    assert errors(table, function, arguments_of(table)).max() <= table.error_bound


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("segment_bits", [9, 10, 12])
def test_sampled_arguments_of_24_bits_stay_within_the_bound(segment_bits, function):
    table = Table(24, 20, segment_bits)
    ends = np.arange(-(1 << 23), 1 << 23, 1 << table.fraction_bits)
    sampled = np.random.default_rng(1).integers(-(1 << 23), 1 << 23, 1_000_000)
    arguments = np.concatenate([ends, ends + (1 << table.fraction_bits) - 1, sampled])
    assert errors(table, function, arguments).max() <= table.error_bound


def test_the_bound_says_something():
    assert Table(16, 12, 9).error_bound < 1.26
    assert errors(Table(16, 12, 9), Activation.SINE, arguments_of(Table(16, 12, 9))).max() > 1.1
    assert Table(18, 14, 10).error_bound < 1.26
    assert Table(24, 20, 12).error_bound < 2.01


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("table", [*SMALL, Table(16, 12, 9)], ids=str)
def test_functions_are_odd_and_unbroken(table, function):
    arguments = arguments_of(table)
    results = table.apply(function, arguments)
    assert results[len(results) // 2] == 0
    assert (results[1:] == -results[:0:-1]).all()
    steepest = np.abs(table.words[FUNCTIONS.index(function), :, 1]).max()
    assert np.abs(np.diff(results)).max() <= (steepest >> table.fraction_bits) + 1


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("table", [*SMALL, Table(12, 8, 6)], ids=str)
def test_arrays_and_single_integers_agree(table, function):
    arguments = arguments_of(table)
    values = [table.value(function, int(argument)) for argument in arguments]
    assert table.apply(function, arguments.reshape(2, -1)).ravel().tolist() == values


def test_values_by_hand():
    table = Table(8, 5, 4)  # segments of 1/4: 8 raw units
    sine = [round(64 * float(np.sin(x)) * (1 + 1 / 256)) for x in (0.25, 0.5)]
    assert sine == [16, 31]
    assert table.words[0, 1].tolist() == [16, 15]
    for raw, value in ((8, 16), (11, 16 + (15 * 3 + 4 >> 3)), (16, 31), (-11, -22), (-8, -16)):
        assert table.value(Activation.SINE, raw) == value


def test_words_do_not_depend_on_the_machine():
    words = Table(16, 12, 9).words
    assert words.dtype == np.int32
    assert words[0, :4].tolist() == [[0, 256], [256, 256], [512, 256], [768, 255]]
    places = np.arange(1, 2049).reshape(2, 512, 2)
    assert int((words * places).sum()) == 12390719041


def test_tanh_reaches_its_end_where_it_is_one_to_the_last_place():
    assert Table(16, 12, 9).reaches_its_end(Activation.TANH)
    assert not Table(16, 13, 9).reaches_its_end(Activation.TANH)
    assert not Table(16, 12, 9).reaches_its_end(Activation.SINE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"table_units": 257}, "engine table_units must be 0 to 256, not 257"),
        (
            {"table_units": 1, "activation": Format(8, 5)},
            "engine table_segment_bits must be at most 7 for activations of 8 bits, not 9",
        ),
        (
            {"table_units": 1, "table_frac_bits": 6},
            "engine table_frac_bits must be 7 to 16 for activations of 16 bits and "
            "table_segment_bits = 9, not 6",
        ),
    ],
)
def test_an_engine_checks_the_format_of_its_table(fields, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        EngineParameters(**fields)


def test_without_units_the_format_does_not_matter():
    EngineParameters(activation=Format(8, 5), table_frac_bits=24)
