"""Packets to a Verilated engine in a process of its own."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from itertools import islice

from tenzo.sim.native.helper import Helper, Request, frame

_BATCH = 16
"""Packets in a frame. One frame is computed while the next is encoded."""


class NativeTransport:
    """Packet transport to a :class:`~tenzo.sim.native.helper.Helper`.

    Parameters
    ----------
    helper : Helper
        The running engine.
    """

    def __init__(self, helper: Helper) -> None:
        self.helper = helper

    def exchange(self, requests: Iterable[list[int]]) -> Iterator[list[int]]:
        """Send packets back to back and yield the response to each, in order."""
        source = iter(requests)
        unanswered, more = 0, True
        while more:
            batch = list(islice(source, _BATCH))
            more = len(batch) == _BATCH
            end = b"" if more else frame(Request.FINISH)
            self.helper.send(frame(Request.PACKETS, _words(batch)) + end)
            unanswered += 1
            if unanswered > 1:
                unanswered -= 1
                yield from self.helper.receive()
        for _ in range(unanswered + 1):
            yield from self.helper.receive()

    def allow(self, cycles: int) -> None:
        """Let the engine compute for some cycles before it counts as hung."""
        self._ask(Request.ALLOW, struct.pack("<Q", cycles))

    def begin_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a waveform of all that follows; the engine must have been built for it."""
        name = os.fsencode(os.path.abspath(path))
        padding = b"\0" * (-len(name) % 4)
        self._ask(Request.TRACE, struct.pack("<I", len(name)) + name + padding)

    def end_trace(self) -> None:
        """End the waveform and write its file."""
        self._ask(Request.TRACE_END)

    def close(self) -> None:
        """End the process."""
        self.helper.close()

    def _ask(self, kind: Request, words: bytes = b"") -> None:
        self.helper.send(frame(kind, words))
        self.helper.receive()


def _words(packets: Iterable[list[int]]) -> bytes:
    """Return packets, each behind its length."""
    words: list[int] = []
    for packet in packets:
        words.append(len(packet))
        words += packet
    return struct.pack(f"<{len(words)}I", *words)
