"""Packets to a Verilated engine in a process of its own."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice

from tenzo.sim.native.helper import Helper, Request

_BATCH = 64
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
        batches = iter(requests)
        helper, unanswered = self.helper, 0
        while True:
            batch = list(islice(batches, _BATCH))
            if not batch:
                break
            helper.send(Request.PACKETS, _frame(batch))
            unanswered += 1
            if unanswered > 1:
                unanswered -= 1
                yield from helper.receive()
        helper.send(Request.FINISH)
        for _ in range(unanswered + 1):
            yield from helper.receive()

    def allow(self, cycles: int) -> None:
        """Let the engine compute for some cycles before it counts as hung."""
        self._ask(Request.ALLOW, array("I", [cycles & 0xFFFFFFFF, cycles >> 32]).tobytes())

    def begin_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a waveform of all that follows; the engine must have been built for it."""
        name = os.fsencode(os.path.abspath(path))
        padding = b"\0" * (-len(name) % 4)
        self._ask(Request.TRACE, array("I", [len(name)]).tobytes() + name + padding)

    def end_trace(self) -> None:
        """End the waveform and write its file."""
        self._ask(Request.TRACE_END)

    def close(self) -> None:
        """End the process."""
        self.helper.close()

    def _ask(self, kind: Request, words: bytes = b"") -> None:
        self.helper.send(kind, words)
        self.helper.receive()


def _frame(packets: Iterable[list[int]]) -> bytes:
    words = array("I")
    for packet in packets:
        words.append(len(packet))
        words.extend(packet)
    return words.tobytes()
