"""The process of a simulated board."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tenzo.sim.native.helper import StartError
from tenzo.sw.errors import DeviceError, UserError

_CLOSE_SECONDS = 5.0


@dataclass(frozen=True)
class Traffic:
    """What has passed through a simulated board.

    Attributes
    ----------
    cycles : int
        Clock cycles; time stands still while the line is quiet and the engine has no work.
    bytes_in, bytes_out : int
        Bytes from the host, before faults, and from the engine.
    damaged_bytes : int
        How many of both were flipped, dropped, repeated or had another one put in front.
    """

    cycles: int
    bytes_in: int
    bytes_out: int
    damaged_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.bytes_in:,} bytes in, {self.bytes_out:,} bytes out, "
            f"{self.damaged_bytes:,} damaged, {self.cycles:,} clock cycles"
        )


def check_link(link: Path) -> None:
    """Raise :class:`UserError` if a link cannot be made because of what is there or is not."""
    if link.exists() and not link.is_symlink():
        raise UserError(f"{link} is there already and no symbolic link: name another path")
    if not link.parent.is_dir():
        raise UserError(f"{link.parent} is no folder: make it, or name another path than {link}")


class BoardProcess:
    """A running simulated board.

    It runs in a session of its own, so that Ctrl-C in a terminal reaches its parent only, and ends
    when its standard input does, whatever becomes of this process.

    Parameters
    ----------
    program : path
        Built from ``loop.cpp``.
    divisor : int
        Clock cycles per bit.
    faults : float
        Probability that a byte is damaged, in each direction.
    seed : int
        Which bytes, and how.
    link : path, optional
        Symbolic link to make to the terminal; removed at the end.

    Members
    -------
    terminal : name of the pseudo-terminal

    Raises
    ------
    StartError
        If the program does not start.
    UserError
        If no link can be made at ``link``.
    """

    def __init__(
        self, program: Path, divisor: int, faults: float, seed: int, link: Path | None = None
    ) -> None:
        self._link: Path | None = None
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                [str(program), str(divisor), repr(faults), str(seed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                start_new_session=True,
            )
        except OSError as error:
            self._printed.close()
            raise StartError(f"{program} does not start: {error.strerror}") from None
        self.terminal = self._read_line()
        if not self.terminal.startswith("/"):
            said = self._last_words()
            self.close()
            raise StartError(said or f"{program} is not the program of a board")
        try:
            self._make_link(link)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def port(self) -> str:
        """What a host opens: the link, or else the terminal."""
        return str(self._link or self.terminal)

    def wait(self) -> None:
        """Wait until the process ends by itself, which is a :class:`DeviceError`."""
        status = self._process.wait()
        said = self._last_words()
        if status < 0:
            said = f"was ended by {signal.Signals(-status).name}"
        raise DeviceError(f"the simulated board stopped: {said or f'status {status}'}")

    def close(self) -> Traffic | None:
        """End the process; return what has passed, if it is still there to say so."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                if os.readlink(self._link) == self.terminal:
                    self._link.unlink()
            self._link = None
        process = self._process
        traffic = None
        if process.stdin is not None and not process.stdin.closed:
            with contextlib.suppress(OSError):
                process.stdin.close()
            numbers = self._read_line().split()
            traffic = Traffic(*map(int, numbers)) if len(numbers) == 4 else None
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._printed.close()
        return traffic

    def _make_link(self, link: Path | None) -> None:
        if link is None:
            return
        check_link(link)
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(self.terminal)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"the link {link} cannot be made: {reason}") from None
        self._link = link

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode(errors="replace").strip()

    def _last_words(self) -> str:
        """Return the first line that the process printed, errors of assertions before others."""
        if self._printed.closed:
            return ""
        self._printed.seek(0)
        lines = self._printed.read().decode(errors="replace").splitlines()
        errors = [line for line in lines if "%Error" in line] or lines
        return errors[0].strip() if errors else ""
