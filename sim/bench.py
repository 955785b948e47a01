"""Word streams of an engine under cocotb: driver and monitor.

Nothing here knows what the words mean; the model is ``tenzo.sw.endpoint`` or
``tenzo.sw.golden``, the checker is the test. Streams are sampled right after the rising edge of the
clock, which is the value before the edge, and driven after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat

import cocotb
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject
from cocotb.queue import Queue
from cocotb.task import Task
from cocotb.triggers import RisingEdge, with_timeout
from cocotb.utils import get_sim_time

CLOCK_NS = 10
"""Clock period in simulated time."""

LAST = 1 << 32
"""Payload bit that marks the last word of a packet."""

HANG_CYCLES = 2_000_000
"""Clock cycles without a response after which a simulation counts as hung."""


class HangError(RuntimeError):
    """The engine accepted no word, or gave no response, for :data:`HANG_CYCLES`."""


class WordDriver:
    """Puts packets on the engine's command stream, a word a cycle unless gaps are drawn.

    Parameters
    ----------
    dut : HierarchyObject
        Top module with the stream ``i``.
    gaps : iterator of :class:`int`, optional
        Idle cycles before each word.
    """

    def __init__(self, dut: HierarchyObject, gaps: Iterator[int] | None = None) -> None:
        self.dut = dut
        self.gaps = gaps or repeat(0)
        dut.i__valid.value = 0

    async def send(self, packets: Iterable[list[int]]) -> None:
        """Send packets back to back; the last word of each is marked."""
        for packet in packets:
            for index, word in enumerate(packet):
                await self._send_word(word | (LAST if index == len(packet) - 1 else 0))
        self.dut.i__valid.value = 0

    async def send_unmarked(self, words: Iterable[int]) -> None:
        """Send words of which none ends a packet."""
        for word in words:
            await self._send_word(word)
        self.dut.i__valid.value = 0

    async def _send_word(self, payload: int) -> None:
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        gap = next(self.gaps)
        if gap:
            dut.i__valid.value = 0
            for _ in range(gap):
                await edge
        dut.i__payload.value = payload
        dut.i__valid.value = 1
        await edge
        while not dut.i__ready.value:
            # Nothing to look at until ready changes: leave the clock to C++.
            await RisingEdge(dut.i__ready)
            await edge


class WordMonitor:
    """Takes the engine's responses off its stream, packet by packet.

    Parameters
    ----------
    dut : HierarchyObject
        Top module with the stream ``o``.
    stalls : iterator of :class:`int`, optional
        Cycles without ``ready`` before each word.
    """

    def __init__(self, dut: HierarchyObject, stalls: Iterator[int] | None = None) -> None:
        self.dut = dut
        self.stalls = stalls
        self.packets: Queue[list[int]] = Queue()
        self._words: list[int] = []
        self._task: Task[None] = cocotb.start_soon(self._run())

    async def response(self) -> list[int]:
        """Return the next packet; raise :class:`HangError` if none comes."""
        try:
            return await with_timeout(self.packets.get(), HANG_CYCLES * CLOCK_NS, "ns")
        except TimeoutError:
            raise HangError(f"no response in {HANG_CYCLES} cycles") from None

    def stop(self) -> None:
        """Take no more words."""
        self._task.cancel()
        self.dut.o__ready.value = 0

    async def _run(self) -> None:
        edge, valid = RisingEdge(self.dut.clk), RisingEdge(self.dut.o__valid)
        self.dut.o__ready.value = 1
        while True:
            if self.stalls is not None:
                await self._stall(next(self.stalls))
            await edge
            while not self.dut.o__valid.value:
                await valid
                await edge
            self._take(int(self.dut.o__payload.value))

    async def _stall(self, cycles: int) -> None:
        """Hold ``ready`` low for some cycles."""
        if cycles:
            self.dut.o__ready.value = 0
            for _ in range(cycles):
                await RisingEdge(self.dut.clk)
            self.dut.o__ready.value = 1

    def _take(self, payload: int) -> None:
        self._words.append(payload & (LAST - 1))
        if payload & LAST:
            self.packets.put_nowait(self._words)
            self._words = []


async def start(dut: HierarchyObject) -> None:
    """Start the clock, in C++, and reset the engine."""
    Clock(dut.clk, CLOCK_NS, unit="ns", impl="gpi").start()
    dut.i__valid.value = 0
    dut.i__payload.value = 0
    dut.o__ready.value = 0
    await reset(dut)


async def reset(dut: HierarchyObject) -> None:
    """Hold the engine's reset for two cycles."""
    dut.rst.value = 1
    for _ in range(2):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


def cycles_now() -> int:
    """Clock cycles since the simulation began."""
    return int(get_sim_time("ns")) // CLOCK_NS
