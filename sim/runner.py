"""cocotb's runner with the settings that Tenzo needs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import cocotb_tools.runner

from tenzo.sw.tools import Verilator

#: Called with each line that a program prints, as soon as it is there.
LineListener = Callable[[str], None]


class LoggingRunner(cocotb_tools.runner.Verilator):
    """Runner that hands every line to a listener, beside the log file.

    Parameters
    ----------
    on_line : callable or None
        The listener.
    """

    def __init__(self, on_line: LineListener | None = None) -> None:
        super().__init__()
        self.log.setLevel("CRITICAL")  # what it reports is raised as an error as well
        self.on_line = on_line

    def _execute_cmds(
        self,
        cmds: Sequence[list[str]],
        cwd: str | os.PathLike[str],
        stdout: TextIO | None = None,
    ) -> None:
        for command in cmds:
            code = run_logged(command, Path(cwd), self.env, stdout, self.on_line)
            if code != 0:
                raise subprocess.CalledProcessError(code, command)


class VerilateRunner(LoggingRunner):
    """Translator to C++, with a Verilator that need not be in PATH.

    Only the ports that a control file names are visible to Python: with every net visible, large
    designs are slow to compile and slow to run.

    Parameters
    ----------
    tool : Verilator
        Verilator to call.
    on_line : callable or None
        Listener for the lines that it prints.
    """

    def __init__(self, tool: Verilator, on_line: LineListener | None) -> None:
        super().__init__(on_line)
        self.tool = tool

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(self.tool.executable)

    def _set_env_build(self) -> None:
        self.env = self.tool.environment()

    def _build_command(self) -> list[list[str]]:
        verilate, _make = super()._build_command()
        verilate.remove("--public-flat-rw")
        return [verilate]


def run_logged(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: TextIO | None,
    on_line: LineListener | None,
) -> int:
    """Run a command in a folder and hand on each line it prints; its exit status.

    Parameters
    ----------
    command, folder, environment
        As for :class:`subprocess.Popen`.
    log : text file or None
        Gets every line.
    on_line : callable or None
        Called with every line, without its end.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if log is not None:
                log.write(line)
                log.flush()
            if on_line is not None:
                on_line(line.rstrip("\n"))
    return process.returncode
