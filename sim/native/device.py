"""``--device verilator``: the generated Verilog, compiled, behind the packets that a board gets."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tenzo.hw.verilog import engine_verilog
from tenzo.sim.build_cache import forget
from tenzo.sim.cache_limit import in_use
from tenzo.sim.compile import BuildError
from tenzo.sim.native.helper import Helper, StartError
from tenzo.sim.native.transport import NativeTransport
from tenzo.sim.verilator import Build, build_native
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.link.packet_device import PacketDevice

NAME = "verilator"
"""What ``--device`` calls it."""

_TOP = "tenzo_native"
_FLAGS = ("-fno-expand", "-fno-table")  # 4 % faster without these two rewritings
_TRACE_FLAGS = ("--trace-vcd",)


class NativeDevice(PacketDevice):
    """An engine in a process of its own.

    Parameters
    ----------
    engine : EngineParameters
        What the build was made from.
    build : Build
        Started here; stays in the cache while it runs.

    Raises
    ------
    StartError
        If the program does not start.
    """

    def __init__(self, engine: EngineParameters, build: Build) -> None:
        with contextlib.ExitStack() as held:
            held.enter_context(in_use(build.folder))
            self.helper = Helper(build.program)
            held.callback(self.helper.close)
            self.transport = NativeTransport(self.helper)
            super().__init__(engine, self.transport, NAME)
            self._held = held.pop_all()

    @property
    def cycles(self) -> int:
        """Clock cycles since the engine was started, as of the latest exchange."""
        return self.helper.cycles

    def close(self) -> None:
        """End the process."""
        self._held.close()

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
        If a tool is missing, the cache cannot be written, or the tools do not build the engine.
    """
    try:
        build = build_engine(engine, traced)
        try:
            return NativeDevice(engine, build)
        except (StartError, FileNotFoundError):
            forget(build.folder)
            return NativeDevice(engine, build_engine(engine, traced))
    except (BuildError, StartError) as error:
        lines = str(error).splitlines()
        said = next((line for line in lines if "rror" in line.partition(":")[2]), lines[0])
        raise UserError(
            f"the simulator of this engine cannot be built here: {said.strip()} "
            "('tenzo doctor' lists the tools)"
        ) from None


def build_engine(engine: EngineParameters, traced: bool = False) -> Build:
    """Build the program of an engine, or take it from the cache."""
    folder = Path(__file__).parent
    text = engine_verilog(engine) + (folder / "wrapper.v").read_text()
    flags = (*_FLAGS, *(_TRACE_FLAGS if traced else ()))
    return build_native(text, _TOP, folder / "loop.cpp", extra_args=flags)
