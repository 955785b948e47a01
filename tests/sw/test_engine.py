"""Engine parameters: ranges and what follows from them."""

from dataclasses import replace
from typing import Any

import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters

ENGINE = EngineParameters()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lane_count": 0}, "engine lane_count must be 1 to 256, not 0"),
        ({"lane_count": 257}, "engine lane_count must be 1 to 256, not 257"),
        ({"requantizer_sharing": 17}, "engine requantizer_sharing must be 1 to 16, not 17"),
        ({"lane_depth": 65536}, "engine lane_depth must be 16 to 65535, not 65536"),
        ({"weight_depth": 15}, "engine weight_depth must be 16 to 65535, not 15"),
        ({"bias_depth": 1}, "engine bias_depth must be 16 to 65535, not 1"),
        ({"stage_slots": 256}, "engine stage_slots must be 1 to 255, not 256"),
        ({"result_depth": 4097}, "engine result_depth must be 1 to 4096, not 4097"),
        ({"max_bits": 9}, "engine max_bits must be 1 to 8, not 9"),
        ({"activation": Format(25, 0)}, "activation width must be 4 to 24, not 25"),
        ({"weight": Format(3, 0)}, "weight width must be 4 to 18, not 3"),
    ],
)
def test_parameters_out_of_range_are_errors(fields, message):
    with pytest.raises(UserError, match=message):
        replace(ENGINE, **fields)


def test_sizes_that_follow():
    assert ENGINE.max_terms == ENGINE.lane_depth == 1024
    assert ENGINE.max_bias_shift == 16
    assert ENGINE.accumulator_width == 43
    assert ENGINE.max_shift == 42
    assert replace(ENGINE, lane_count=9, requantizer_sharing=4).group_count == 3


def test_the_largest_engine_shifts_within_a_descriptor():
    largest = EngineParameters(Format(24, 0), Format(18, 0), lane_depth=65535)
    assert largest.accumulator_width == 59
    assert largest.max_shift == 58
    assert largest.max_bias_shift == 24


def test_the_digest_depends_on_every_parameter():
    others: list[dict[str, Any]] = [
        {"activation": Format(16, 12)},
        {"weight": Format(15, 14)},
        {"lane_count": 7},
        {"requantizer_sharing": 1},
        {"lane_depth": 1023},
        {"weight_depth": 99},
        {"bias_depth": 99},
        {"stage_slots": 31},
        {"result_depth": 17},
        {"max_bits": 7},
        {"lfsr": LfsrParameters(31, 0x48000000)},
    ]
    digests = {replace(ENGINE, **fields).digest for fields in others} | {ENGINE.digest}
    assert len(digests) == len(others) + 1
    assert EngineParameters().digest == ENGINE.digest
    assert 0 <= ENGINE.digest < 1 << 64
