"""Verilog of the digits preset and of the random networks' engines has no lint warning.

The other presets differ from digits in the sizes of their memories only.
"""

from __future__ import annotations

import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sim.verilator import lint
from tenzo.sw.configuration.config import load_config
from tenzo.sw.engine import EngineParameters


def engine_of(name: str) -> EngineParameters:
    return RANDOM_ENGINES[name] if name in RANDOM_ENGINES else load_config(name).engine()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RANDOM_ENGINES, "digits"])
def test_verilog_has_no_lint_warning(name: str) -> None:
    assert lint(engine_verilog(engine_of(name)), MODULE_NAME) == []
