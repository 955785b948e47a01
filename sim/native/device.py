"""``--device verilator``: the generated Verilog, compiled, behind the packets that a board gets."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from tenzo.hw.verilog import engine_verilog
from tenzo.sim.native.helper import Helper
from tenzo.sim.native.transport import NativeTransport
from tenzo.sim.runner import LineListener
from tenzo.sim.verilator import Build, build_native
from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.packet_device import PacketDevice

NAME = "verilator"
"""What ``--device`` calls it."""

TRACE_FLAGS = ("--trace-vcd",)

_TOP = "tenzo_native"

_LOG = logging.getLogger(__name__)


class NativeDevice(PacketDevice):
    """An engine in a process of its own.

    Parameters
    ----------
    engine : EngineParameters
        What it was built from.
    transport : NativeTransport
        Leads to it.
    """

    def __init__(self, engine: EngineParameters, transport: NativeTransport) -> None:
        self.transport = transport
        super().__init__(engine, transport, NAME)

    @property
    def cycles(self) -> int:
        """Clock cycles since the engine was started, as of the latest exchange."""
        return self.transport.helper.cycles

    @contextlib.contextmanager
    def waveform(self, path: str | os.PathLike[str]) -> Iterator[None]:
        """Write a waveform of all that the engine does in a block."""
        self.transport.begin_trace(path)
        yield
        self.transport.end_trace()


def open_native(engine: EngineParameters, traced: bool = False) -> NativeDevice:
    """Build an engine, or take it from the cache, and start it.

    Parameters
    ----------
    engine : EngineParameters
    traced : bool
        Build it so that it can write waveforms, which makes it slower.

    Raises
    ------
    UserError
        If a tool is missing, or the cache cannot be written.
    """
    return NativeDevice(engine, NativeTransport(Helper(build_engine(engine, traced).program)))


def build_engine(
    engine: EngineParameters, traced: bool = False, on_line: LineListener | None = None
) -> Build:
    """Build the program of an engine, or take it from the cache."""
    folder = Path(__file__).parent
    text = engine_verilog(engine) + (folder / "wrapper.v").read_text()
    flags = TRACE_FLAGS if traced else ()
    return build_native(text, _TOP, folder / "loop.cpp", extra_args=flags, on_line=on_line)
