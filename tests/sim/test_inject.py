"""Faults: each edits one construct, and none is missed in silence."""

from __future__ import annotations

import difflib
from dataclasses import replace
from functools import cache

import pytest

from tenzo.hw.verilog import engine_verilog
from tenzo.sim.inject import FAULTS, InjectionError, inject
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.planning.planner import plan

ENGINE = EngineParameters(
    lane_count=2,
    lane_depth=64,
    weight_depth=64,
    bias_depth=16,
    stage_slots=4,
    result_depth=8,
    table_units=1,
)
PROGRAM = plan(Network((Layer(4, 4, Dense()),)), ENGINE).program


@cache
def verilog() -> str:
    return engine_verilog(ENGINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "fragment"),
    [
        ("weight-bit", "<= write_data ^ ((write_address == 8) ? 16'd8192 : 0);"),
        ("lfsr-tap", "state[0] ? 32'd2149580802 : 32'd0;"),
        ("shift", "[2:0] ^ 3'd1;"),
        ("saturate", "= 1'b0 ? limit : kept;"),
        ("table", "word_0 <= \\$signature__data  ^ 1;"),
    ],
)
def test_a_fault_changes_one_line(kind: str, fragment: str) -> None:
    changed = inject(verilog(), kind, ENGINE, PROGRAM).splitlines()
    lines = list(difflib.unified_diff(verilog().splitlines(), changed, n=0, lineterm=""))[2:]
    assert [line[0] for line in lines] == ["@", "-", "+"]
    assert fragment in lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_a_construct_that_is_gone_is_an_error(kind: str) -> None:
    text = verilog().replace("state[0] ?", "state[0] ? ").replace("low_shift <=", "shift <=")
    text = text.replace("words[", "weights[").replace("= leaves ?", "= leave ?")
    text = text.replace("word_0 <=", "word <=")
    with pytest.raises(InjectionError, match="0 places"):
        inject(text, kind, ENGINE, PROGRAM)


def test_a_module_that_is_gone_is_an_error() -> None:
    with pytest.raises(InjectionError, match="0 modules are named like"):
        inject("module other (clk);\nendmodule\n", "shift", ENGINE, PROGRAM)


def test_a_fault_of_the_table_needs_a_table() -> None:
    with pytest.raises(UserError, match="this engine has no table units"):
        inject("", "table", replace(ENGINE, table_units=0), PROGRAM)


def test_unknown_fault_is_refused() -> None:
    kinds = "weight-bit, lfsr-tap, shift, saturate, table"
    with pytest.raises(UserError, match=f"{kinds}, not 'cosmic-ray'"):
        inject("", "cosmic-ray", ENGINE, PROGRAM)
