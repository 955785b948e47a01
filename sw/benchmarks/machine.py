"""The machine that a benchmark ran on, and how many of its cores."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from tenzo.sw.errors import UserError
from tenzo.sw.kernels.choice import thread_count
from tenzo.sw.kernels.library import find_library
from tenzo.sw.tools import find_verilator, program_version

_PACKAGES = ("tenzo", "numpy", "torch", "tensorly-torch", "amaranth", "cocotb")


def describe_machine() -> dict[str, str]:
    """Return what decides the numbers, by name: processor, cores, instruction set, versions."""
    facts = {
        "processor": processor(),
        "cores used": str(thread_count()),
        "instruction sets": _paths(),
        "load before": f"{os.getloadavg()[0]:.1f} processes",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for name in _PACKAGES:
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = "not installed"
    compiler = os.environ.get("CXX", "g++").split()[0]
    facts["compiler"] = program_version(compiler) or "none"
    try:
        facts["Verilator"] = find_verilator().version
    except UserError:
        facts["Verilator"] = "none"
    return facts


def processor() -> str:
    """Return the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for line in lines:
        key, _, text = line.partition(":")
        facts.setdefault(key.strip(), text.strip())
    name = facts.get("model name") or platform.machine()
    if "cpu family" in facts:
        name += f" (family {facts['cpu family']}, model {facts.get('model', '?')})"
    return name


def commit() -> str:
    """Return the commit of the source tree, with a mark if files were changed; or ``unknown``."""
    folder = Path(__file__).parent
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            cwd=folder,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


def _paths() -> str:
    try:
        return ", ".join(find_library().working)
    except UserError:
        return "none: the compiled kernels are not built"
