"""Word streams of an engine under cocotb: driver and monitor.

Nothing here knows what the words mean; the model is ``tenzo.sw.link.endpoint`` or
``tenzo.sw.golden.device``, the checker is the test. Streams are sampled right after the rising edge
of the clock, which is the value before the edge, and driven after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import cast

import cocotb
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject, LogicArrayObject, LogicObject
from cocotb.queue import Queue
from cocotb.task import Task
from cocotb.triggers import RisingEdge, with_timeout
from cocotb.utils import get_sim_time

CLOCK_NS = 10
"""Clock period in simulated time."""

LAST = 1 << 32
"""Payload bit that marks the last word of a packet."""

HANG_CYCLES = 2_000_000
"""Clock cycles, beside those that programs may take, after which a simulation counts as hung."""


class HangError(RuntimeError):
    """The engine accepted no word, or gave no response, for longer than it may take."""


class Ports:
    """Ports of an engine, typed; ``i__valid`` of the Verilog is ``i_valid`` here."""

    def __init__(self, dut: HierarchyObject) -> None:
        def bit(name: str) -> LogicObject:
            return cast(LogicObject, getattr(dut, name))

        self.clk, self.rst = bit("clk"), bit("rst")
        self.i_valid, self.i_ready = bit("i__valid"), bit("i__ready")
        self.o_valid, self.o_ready = bit("o__valid"), bit("o__ready")
        self.i_payload = cast(LogicArrayObject, dut.i__payload)
        self.o_payload = cast(LogicArrayObject, dut.o__payload)


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
        self.ports = Ports(dut)
        self.gaps = gaps or repeat(0)
        self.ports.i_valid.value = 0

    async def send(self, packets: Iterable[list[int]]) -> None:
        """Send packets back to back; the last word of each is marked."""
        for packet in packets:
            for index, word in enumerate(packet):
                await self._send_word(word | (LAST if index == len(packet) - 1 else 0))
        self.ports.i_valid.value = 0

    async def send_unmarked(self, words: Iterable[int]) -> None:
        """Send words of which none ends a packet."""
        for word in words:
            await self._send_word(word)
        self.ports.i_valid.value = 0

    async def _send_word(self, payload: int) -> None:
        ports, edge = self.ports, RisingEdge(self.ports.clk)
        gap = next(self.gaps)
        if gap:
            ports.i_valid.value = 0
            for _ in range(gap):
                await edge
        ports.i_payload.value = payload
        ports.i_valid.value = 1
        await edge
        while not ports.i_ready.value:
            # Nothing to look at until ready changes: leave the clock to C++.
            await RisingEdge(ports.i_ready)
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
        self.ports = Ports(dut)
        self.stalls = stalls
        self.packets: Queue[list[int]] = Queue()
        self.allow(0)
        self._words: list[int] = []
        self._task: Task[None] = cocotb.start_soon(self._run())

    def allow(self, cycles: int) -> None:
        """Let the engine compute for some cycles before a response is missed."""
        self.hang_cycles = HANG_CYCLES + cycles

    async def response(self) -> list[int]:
        """Return the next packet; raise :class:`HangError` if none comes."""
        try:
            return await with_timeout(self.packets.get(), self.hang_cycles * CLOCK_NS, "ns")
        except TimeoutError:
            raise HangError(f"no response in {self.hang_cycles} cycles") from None

    def stop(self) -> None:
        """Take no more words."""
        self._task.cancel()
        self.ports.o_ready.value = 0

    async def _run(self) -> None:
        edge, valid = RisingEdge(self.ports.clk), RisingEdge(self.ports.o_valid)
        self.ports.o_ready.value = 1
        while True:
            if self.stalls is not None:
                await self._stall(next(self.stalls))
            await edge
            while not self.ports.o_valid.value:
                await valid
                await edge
            self._take(int(self.ports.o_payload.value))

    async def _stall(self, cycles: int) -> None:
        """Hold ``ready`` low for some cycles."""
        if cycles:
            self.ports.o_ready.value = 0
            for _ in range(cycles):
                await RisingEdge(self.ports.clk)
            self.ports.o_ready.value = 1

    def _take(self, payload: int) -> None:
        self._words.append(payload & (LAST - 1))
        if payload & LAST:
            self.packets.put_nowait(self._words)
            self._words = []


async def start(dut: HierarchyObject) -> None:
    """Start the clock, in C++, and reset the engine."""
    ports = Ports(dut)
    Clock(ports.clk, CLOCK_NS, unit="ns", impl="gpi").start()
    ports.i_valid.value = 0
    ports.i_payload.value = 0
    ports.o_ready.value = 0
    await reset(dut)


async def reset(dut: HierarchyObject) -> None:
    """Hold the engine's reset for two cycles."""
    ports = Ports(dut)
    ports.rst.value = 1
    for _ in range(2):
        await RisingEdge(ports.clk)
    ports.rst.value = 0
    await RisingEdge(ports.clk)


def cycles_now() -> int:
    """Clock cycles since the simulation began."""
    return int(get_sim_time("ns")) // CLOCK_NS
