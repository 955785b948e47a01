"""Verilog to a simulator that cocotb drives, built once and kept.

Verilator and the C++ compiler take 10 to 60 seconds for an engine, so a build is kept in a cache
folder under a hash of everything that went into it, and a lock lets one process build while others
wait.
"""

from __future__ import annotations

import logging
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cocotb_tools.config
import find_libpython

from tenzo.sim.build_cache import cache_folder, cached_build
from tenzo.sim.cache_limit import in_use
from tenzo.sim.compile import FLAGS, WAIVERS, BuildError, Compilation
from tenzo.sim.runner import LineListener, LoggingRunner
from tenzo.sw.errors import UserError
from tenzo.sw.tools import find_verilator, require_compiler

_LOG = logging.getLogger(__name__)


class SimulationError(RuntimeError):
    """A cocotb test failed or the simulator died; the message says which and why."""


@dataclass(frozen=True)
class Build:
    """A built simulator.

    Attributes
    ----------
    folder : Path
        Folder in the cache; holds the program, the Verilog and the log of the build.
    top : str
        Name of the top module, and of the program.
    """

    folder: Path
    top: str

    @property
    def program(self) -> Path:
        """Executable of the simulator."""
        return self.folder / self.top


def build_cocotb(
    verilog: Path | str,
    top: str,
    *,
    cache: Path | None = None,
    extra_args: Sequence[str] = (),
    on_line: LineListener | None = None,
) -> Build:
    """Build a simulator of some Verilog for cocotb, or take it from the cache.

    Only the ports of the top module can be seen from Python.

    Parameters
    ----------
    verilog : Path or str
        A file, or the Verilog text itself.
    top : str
        Name of the top module.
    cache : Path, optional
        Folder of builds; :func:`cache_folder` unless given.
    extra_args : sequence of str
        More arguments for Verilator.
    on_line : callable, optional
        Called with each line that Verilator and the compiler print.

    Raises
    ------
    UserError
        Verilator, the compiler, make or perl is missing, or a path holds a space.
    BuildError
        The Verilog is wrong.
    """
    text = verilog.read_text() if isinstance(verilog, Path) else verilog
    return _build(text, top, None, cache, extra_args, on_line)


def build_native(
    verilog: str,
    top: str,
    harness: Path,
    *,
    cache: Path | None = None,
    extra_args: Sequence[str] = (),
    on_line: LineListener | None = None,
) -> Build:
    """Build a program of some Verilog and a C++ ``main``, or take it from the cache.

    The model's class is ``Vtop``. Parameters and errors as for :func:`build_cocotb`; ``harness``
    is the C++ source.
    """
    return _build(verilog, top, harness, cache, extra_args, on_line)


def _build(
    text: str,
    top: str,
    harness: Path | None,
    cache: Path | None,
    extra_args: Sequence[str],
    on_line: LineListener | None,
) -> Build:
    require_compiler()
    tool = find_verilator()
    cache = (cache or cache_folder()).expanduser().absolute()
    for path in (cache, tool.root or tool.executable, harness or cocotb_tools.config.libs_dir):
        if " " in str(path):
            raise UserError(
                f"make cannot build in a path with a space, not {str(path)!r}: move it, or set "
                "TENZO_CACHE if it is the cache."
            )
    compilation = Compilation(text, top, tool, (*FLAGS, *extra_args), on_line, harness)
    build = Build(cache / "verilator" / compilation.key(), top)

    def make(folder: Path) -> None:
        if harness is not None:
            _LOG.info("building the simulator of this engine, which takes up to a minute; kept")
        compilation.run(folder, build.folder.parent)

    cached_build(build.folder, top, make)
    return build


def run_cocotb(
    build: Build,
    test_module: str,
    *,
    results_dir: Path,
    testcase: str | Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    on_line: LineListener | None = None,
) -> None:
    """Run the cocotb tests of a module in a built simulator.

    Parameters
    ----------
    build : Build
        The simulator.
    test_module : str
        Name under which Python can import the module, for example ``tenzo.sim.lockstep_bench``.
    results_dir : Path
        Folder to run in; gets ``results.xml`` and ``simulation.log``.
    testcase : str or sequence of str, optional
        Tests to run; all of the module unless given.
    env : mapping, optional
        Environment variables for the tests, beside those of this process.
    on_line : callable, optional
        Called with each line that the simulation prints.

    Raises
    ------
    UserError
        Python has no shared library that a simulator could load.
    SimulationError
        A test failed, no test ran, or the simulator died.
    """
    _check_python()
    results_dir = results_dir.absolute()
    results_dir.mkdir(parents=True, exist_ok=True)
    log, results = results_dir / "simulation.log", results_dir / "results.xml"
    died = False
    try:
        with in_use(build.folder):
            LoggingRunner(on_line).test(
                test_module=test_module,
                hdl_toplevel=build.top,
                hdl_toplevel_lang="verilog",
                testcase=testcase,
                extra_env=dict(env or {}),
                build_dir=build.folder,
                test_dir=results_dir,
                results_xml=str(results),
                log_file=log,
            )
    except SystemExit:
        died = True
    problems = _problems(results) or (["the simulator died"] if died else [])
    if problems:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise SimulationError(f"{test_module}: {'; '.join(problems)}\n{tail}")


def _check_python() -> None:
    """Raise :class:`UserError` unless a simulator can load Python."""
    if find_libpython.find_libpython() is None:
        raise UserError(
            "This Python has no shared library, which a simulator needs: install the package "
            "'libpython3-dev' (Debian, Ubuntu), or a Python built with --enable-shared."
        )


def lint(verilog: Path | str, top: str | None = None) -> list[str]:
    """Warnings of ``verilator --lint-only -Wall``; empty if the Verilog is clean.

    The two of :data:`tenzo.sim.compile.WAIVERS` are switched off.

    Parameters
    ----------
    verilog : Path or str
        A file, or the Verilog text itself.
    top : str, optional
        Name of the top module; the module that no other contains unless given.

    Raises
    ------
    UserError
        Verilator is missing.
    BuildError
        Verilator died without saying why.
    """
    tool = find_verilator()
    with tempfile.TemporaryDirectory() as folder:
        path = (
            verilog.absolute() if isinstance(verilog, Path) else Path(folder, f"{top or 'top'}.v")
        )
        if isinstance(verilog, str):
            path.write_text(verilog)
        command = [str(tool.executable), "--lint-only", "-Wall", *WAIVERS, str(path)]
        result = subprocess.run(
            [*command, *(["--top-module", top] if top else [])],
            capture_output=True,
            text=True,
            cwd=folder,
            env=tool.environment(),
            check=False,
        )
    lines = (result.stdout + result.stderr).splitlines()
    found = [line for line in lines if line.startswith("%") and "Exiting due to" not in line]
    if result.returncode != 0 and not found:
        raise BuildError(f"Verilator failed with status {result.returncode}: {lines[-1:]}")
    return found


def _problems(results: Path) -> list[str]:
    """What went wrong; empty if at least one test ran and all passed."""
    try:
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return ["the simulation ended without results"]
    if all(case.find("skipped") is not None for case in cases):
        return ["no test ran"]
    found = []
    for case in cases:
        for kind in ("failure", "error"):
            for element in case.findall(kind):
                found.append(f"{case.get('name')}: {element.get('message') or element.text}")
    return found
