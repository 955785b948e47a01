"""The process that runs a Verilated engine, and the frames that go to it and back.

A frame is a header of two little-endian words, kind and count, and ``count`` words. Each frame that
goes to the process is answered by one:

=============  ==========================================  =====================================
frame          words                                       when it is answered
=============  ==========================================  =====================================
``PACKETS``    for each packet its length and its words    every word was taken
``FINISH``     none                                        every packet has its response
``ALLOW``      cycles more than usual before a hang, two   at once
``TRACE``      length of a path in bytes, the path         the waveform's file is open
``TRACE_END``  none                                        the waveform's file is written
=============  ==========================================  =====================================

An answer ``DONE`` holds the clock cycles since the start in two words, then responses that have
come since the last answer, each its length and its words. ``HANG`` says that the engine took no
word, or gave no response, for longer than it may; ``REFUSED`` that a file cannot be written. The
process begins with a frame ``HELLO`` without words.
"""

from __future__ import annotations

import contextlib
import signal
import struct
import subprocess
import tempfile
from enum import IntEnum
from pathlib import Path

from tenzo.sw.errors import DeviceError

_CLOSE_SECONDS = 5.0


class Request(IntEnum):
    """Kinds of frames that go to the process."""

    PACKETS = 1
    FINISH = 2
    ALLOW = 3
    TRACE = 4
    TRACE_END = 5


class Answer(IntEnum):
    """Kinds of frames that come back."""

    DONE = 1
    HANG = 2
    REFUSED = 3
    HELLO = 0x54454E5A


class StartError(RuntimeError):
    """The program does not start."""


class Helper:
    """A running engine.

    It runs in a session of its own, so that Ctrl-C in a terminal reaches the trainer only, and
    ends when its standard input does, whatever becomes of this process.

    Parameters
    ----------
    program : path
        Built from ``loop.cpp``.

    Raises
    ------
    StartError
        If it does not start.
    """

    def __init__(self, program: Path) -> None:
        self.cycles = 0
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                [str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                start_new_session=True,
            )
        except OSError as error:
            self._printed.close()
            raise StartError(f"{program} does not start: {error.strerror}") from None
        try:
            kind, _ = self._receive()
        except DeviceError as error:
            self.close()
            raise StartError(str(error)) from None
        if kind != Answer.HELLO:
            self.close()
            raise StartError(f"{program} is not the program of an engine")

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, frames: bytes) -> None:
        """Send frames made by :func:`frame`; :class:`DeviceError` if the process has died."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frames)
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise self._death() from None

    def receive(self) -> list[list[int]]:
        """Return the responses in the answer to the oldest frame that has none.

        Raises
        ------
        DeviceError
            If the process has died, or the engine hangs.
        OSError
            If the file of a waveform cannot be written.
        """
        kind, words = self._receive()
        self.cycles = words[0] | words[1] << 32
        if kind == Answer.HANG:
            self.close()
            raise DeviceError(
                f"the simulated engine hangs: no response by clock cycle {self.cycles:,}"
            )
        if kind == Answer.REFUSED:
            raise OSError("the waveform's file cannot be written")
        return _split(words[2:])

    def close(self) -> None:
        """End the process."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._printed.close()

    def _receive(self) -> tuple[int, list[int]]:
        kind, count = self._read_words(2)
        return kind, self._read_words(count)

    def _read_words(self, count: int) -> list[int]:
        assert self._process.stdout is not None
        try:
            data = self._process.stdout.read(4 * count)
        except (OSError, ValueError):
            data = b""
        if len(data) < 4 * count:
            raise self._death()
        return list(struct.unpack(f"<{count}I", data))

    def _death(self) -> DeviceError:
        """Return what ended the process, in words."""
        if self._process.poll() is None:
            self._process.kill()
        status = self._process.wait()
        said = self._last_words()
        if said:
            return DeviceError(f"the simulated engine stopped: {said}")
        if status < 0:
            cause = f"was ended by {signal.Signals(-status).name}"
        else:
            cause = f"ended with status {status}"
        return DeviceError(f"the process of the simulated engine ({self.pid}) {cause}")

    def _last_words(self) -> str:
        """Return what the model printed, errors of assertions among it."""
        if self._printed.closed:
            return ""
        self._printed.seek(0)
        lines = self._printed.read().decode(errors="replace").splitlines()
        errors = [line for line in lines if "%Error" in line] or lines[-3:]
        return "; ".join(line.strip() for line in errors[:1] or [])


def frame(kind: Request, words: bytes = b"") -> bytes:
    """Return a frame of little-endian words."""
    return struct.pack("<2I", kind, len(words) // 4) + words


def _split(words: list[int]) -> list[list[int]]:
    """Cut responses, each behind its length."""
    result, place = [], 0
    while place < len(words):
        end = place + 1 + words[place]
        result.append(words[place + 1 : end])
        place = end
    return result
