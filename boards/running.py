"""Calling the tools of a build: progress out of what they print, and their failures in words."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from tenzo.boards.steps import Step
from tenzo.sw.errors import UserError

_KEPT_LINES = 200
_LEAST_FREE_BYTES = 1 << 20
_FULL = re.compile(r"no space left|disk full|ENOSPC", re.IGNORECASE)
_NO_ROOM = re.compile(
    r"Failed to expand region|Unable to place cell|no (more )?BELs|Unable to find (a )?legal|"
    r"device utilisation exceeded|no Bels remaining",
    re.IGNORECASE,
)
_PHASES = (
    (re.compile(r"Packing (\w+)"), "packing cells"),
    (re.compile(r"Promoting globals"), "packing cells"),
    (re.compile(r"initial placer|Running main analytical placer"), "placing"),
    (re.compile(r"simulated annealing placer"), "refining the placement"),
    (re.compile(r"Routing\.\.|Routing globals|Setting up routing"), "routing"),
)


class NoRoomError(UserError):
    """Place-and-route found no room for a design: the estimate of LUTs was too low."""


class Progress(Protocol):
    """Gets the news of a build."""

    def phase(self, title: str, part: float | None = None) -> None:
        """Take note of what is done now, and how much of it, 0 to 1, if that is known."""
        ...


class Silence:
    """Says nothing."""

    def phase(self, title: str, part: float | None = None) -> None:
        """Do nothing."""


def require_tools(steps: Iterable[Step]) -> None:
    """Raise :class:`UserError` for the first program that is not there, before anything runs."""
    for step in steps:
        find_program(step)


def find_program(step: Step) -> str:
    """Return the absolute path of a step's program.

    The environment may name another one: ``YOSYS``, ``NEXTPNR_ECP5``, ``NEXTPNR_ICE40``,
    ``NEXTPNR_HIMBAECHEL_GOWIN``, ``ECPPACK``, ``ICEPACK`` and ``GOWIN_PACK``. Otherwise it is the
    one that was installed with this Python, or one in PATH.

    Raises
    ------
    UserError
        If there is none.
    """
    variable = step.program.removeprefix("yowasp-").replace("-", "_").upper()
    named = os.environ.get(variable)
    if named:
        found = shutil.which(named)
        if found is None:
            raise UserError(f"{variable} is set to {named!r}, which is no program: unset it")
        return os.path.abspath(found)  # a step runs in a folder of its own
    beside = Path(sys.executable).parent / step.program
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(step.program)
    if found is None:
        raise UserError(
            f"{step.program} is not installed, but a bitstream needs it: "
            f"run 'pip install {step.package}', or 'pip install .[boards]' in a clone"
        )
    return os.path.abspath(found)


def run_step(step: Step, folder: Path, progress: Progress) -> None:
    """Run a step in a folder.

    Raises
    ------
    UserError
        If it fails; the sentence holds what the program said.
    OSError
        If the disk is full.
    """
    progress.phase(step.title)
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    watch = _Watch(step.title, progress)
    process = subprocess.Popen(
        [find_program(step), *step.arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            kept.append(line.rstrip())
            watch.line(line)
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        _fail(step, folder, kept, process.returncode)


def _fail(step: Step, folder: Path, kept: Iterable[str], status: int) -> None:
    """Raise what is wrong."""
    lines = [line for line in kept if line.strip()]
    full = shutil.disk_usage(folder).free < _LEAST_FREE_BYTES
    if full or any(_FULL.search(line) for line in lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    errors = [line for line in lines if "ERROR" in line] or lines[-1:]
    said = errors[0].strip() if errors else f"exit status {status}"
    if any(_NO_ROOM.search(line) for line in lines):
        raise NoRoomError(said.removeprefix("ERROR: "))
    raise UserError(f"{step.title} failed, {step.program} says: {said}")


class _Watch:
    """Reads phases and parts out of the lines that a tool prints."""

    def __init__(self, title: str, progress: Progress) -> None:
        self._title, self._progress = title, progress
        self._arcs = 0

    def line(self, line: str) -> None:
        """Take note of one line."""
        if self._title == "synthesis":
            self._synthesis(line)
        elif self._title == "place and route":
            self._placement(line)

    def _synthesis(self, line: str) -> None:
        match = re.match(r"2\.(\d+)\. Executing (\w+) pass", line)
        if match:
            self._progress.phase(f"synthesis: {match[2].lower()}")

    def _placement(self, line: str) -> None:
        counted = re.search(r"Routing (\d+) arcs", line)
        if counted:
            self._arcs = int(counted[1])
        row = re.match(r"Info:\s+\d+ \|.*\|\s*(\d+)\|[^|]*\|$", line.rstrip())
        if row and self._arcs:
            self._progress.phase("routing", max(0.0, 1 - int(row[1]) / self._arcs))
            return
        for pattern, title in _PHASES:
            if pattern.search(line):
                self._progress.phase(title)
