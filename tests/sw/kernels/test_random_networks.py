"""Compiled kernels against NumPy on 2,000 random networks, on every path that this machine has.

``make soak`` sets TENZO_SOAK to the number of networks on all engines together.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenzo.sim.random_cases import cases, raw_values
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters
from tests.sw.kernels.agreement import Agreement

NETWORKS = -(-int(os.environ.get("TENZO_SOAK", "2000")) // len(RANDOM_ENGINES))
BATCHES = [1, 3, 63, 65]
REGISTERS = [(32, 0x80200003), (31, 0x48000000), (24, 0xE10000), (16, 0xB400), (5, 0x14)]


@st.composite
def engines(draw: st.DrawFn, engine: EngineParameters) -> EngineParameters:
    """Draw an engine of the same sizes with any formats, any waves and one of five registers."""
    activation, weight = draw(st.integers(4, 24)), draw(st.integers(4, 18))
    segment_bits = draw(st.integers(1, min(12, activation - 1)))
    return replace(
        engine,
        activation=Format(activation, draw(st.integers(0, activation))),
        weight=Format(weight, draw(st.integers(0, weight))),
        lane_count=draw(st.sampled_from([1, 7, 64, 256])),
        lfsr=LfsrParameters(*draw(st.sampled_from(REGISTERS))),
        table_units=draw(st.integers(0, 2)),
        table_frac_bits=draw(st.integers(activation - segment_bits, activation)),
        table_segment_bits=segment_bits,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", RANDOM_ENGINES)
def test_all_paths_agree_on_random_networks(name: str) -> None:
    seen = dict.fromkeys(
        ["saturations", "weight saturations", "slices", "splits", "sine", "1000"], 0
    )
    usual = RANDOM_ENGINES[name]

    @settings(max_examples=NETWORKS)
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        engine = data.draw(st.one_of(st.just(usual), engines(usual)))
        case = data.draw(cases(engine))
        large = data.draw(st.integers(0, 19)) == 0
        batch = 1000 if large else data.draw(st.sampled_from([len(case.samples_raw), *BATCHES]))
        shape = (batch, case.program.input_count)
        samples = case.samples_raw
        if batch != len(samples):
            samples = data.draw(raw_values(engine.activation, shape))
        _, counters = Agreement(engine).check(
            case.program, case.parameters_raw, samples, case.queries
        )
        seen["saturations"] += bool(np.any(counters.saturations))
        seen["weight saturations"] += counters.weight_saturations > 0
        seen["slices"] += any(kind.startswith("slice") for kind in case.kinds)
        seen["splits"] += "split" in case.kinds
        seen["sine"] += any(stage.activation.uses_table for stage in case.program.stages)
        seen["1000"] += large

    compare()
    assert min(seen.values()) > NETWORKS // 50, seen
