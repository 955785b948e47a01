"""The six engines that random networks run on, built once."""

from __future__ import annotations

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters

RANDOM_ENGINES: dict[str, EngineParameters] = {
    "8x8": EngineParameters(
        activation=Format(8, 5),
        weight=Format(8, 6),
        lane_count=4,
        requantizer_sharing=2,
        lane_depth=2048,
        weight_depth=2048,
        bias_depth=256,
        stage_slots=64,
        result_depth=32,
        table_units=1,
        table_frac_bits=4,
        table_segment_bits=4,
    ),
    "16x16": EngineParameters(
        lane_count=8,
        requantizer_sharing=4,
        lane_depth=4096,
        weight_depth=4096,
        bias_depth=512,
        stage_slots=96,
        result_depth=64,
        table_units=2,
    ),
    "18x18": EngineParameters(
        activation=Format(18, 14),
        weight=Format(18, 16),
        lane_count=3,
        requantizer_sharing=4,
        lane_depth=1024,
        weight_depth=2048,
        bias_depth=256,
        stage_slots=64,
        result_depth=32,
        table_units=3,
        table_frac_bits=14,
        table_segment_bits=10,
    ),
    "24x16": EngineParameters(
        activation=Format(24, 20),
        weight=Format(16, 14),
        lane_count=4,
        requantizer_sharing=3,
        lane_depth=1000,
        weight_depth=1500,
        bias_depth=200,
        stage_slots=50,
        result_depth=20,
        table_units=1,
        table_frac_bits=20,
        table_segment_bits=7,
    ),
    "5x7": EngineParameters(
        activation=Format(5, 2),
        weight=Format(7, 5),
        lane_count=1,
        requantizer_sharing=1,
        lane_depth=512,
        weight_depth=1024,
        bias_depth=128,
        stage_slots=40,
        result_depth=16,
        table_units=1,
        table_frac_bits=2,
        table_segment_bits=4,
        max_bits=3,
        lfsr=LfsrParameters(16, 0xB400),
    ),
    "13x11": EngineParameters(
        activation=Format(13, 10),
        weight=Format(11, 9),
        lane_count=11,
        requantizer_sharing=8,
        lane_depth=777,
        weight_depth=999,
        bias_depth=99,
        stage_slots=33,
        result_depth=9,
        max_bits=5,
        lfsr=LfsrParameters(24, 0xE10000),
    ),
}
"""By name: formats of 8 to 24 bits, 1 to 11 lanes, 1 to 8 lanes a requantizer, whole and partial
groups, memories that are powers of two and others, three LFSR lengths, and tables of sine and tanh
of several sizes, one unit serving one group or two, or none."""
