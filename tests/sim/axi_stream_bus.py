"""AXI4-Stream under cocotb, from the standard: a source, a sink and the rules of the protocol.

Nothing here knows packets, or how the project's own benches sample. Everything is driven after the
rising edge and looked at in the middle of the cycle, at the falling edge, where it has settled: a
transfer happens where TVALID and TREADY are both high there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from cocotb.handle import HierarchyObject
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, RisingEdge

Word = tuple[int, int]
"""TDATA and TLAST."""


class Interface:
    """Signals of one interface, and how its two sides behave.

    Parameters
    ----------
    dut : HierarchyObject
        Module with ``aclk`` and ``aresetn``.
    name : str
        ``s_axis`` or ``m_axis``.
    idle : float
        Probability of a cycle in which this side does nothing.
    seed : int
        Which cycles, and what is on the wires meanwhile.
    """

    def __init__(self, dut: HierarchyObject, name: str, idle: float, seed: int) -> None:
        bus: Any = dut
        self.clock, self.reset = bus.aclk, bus.aresetn
        self.data, self.last = getattr(bus, f"{name}_tdata"), getattr(bus, f"{name}_tlast")
        self.valid, self.ready = getattr(bus, f"{name}_tvalid"), getattr(bus, f"{name}_tready")
        self.name, self.idle, self.random = name, idle, random.Random(seed)
        self.words: Queue[Word] = Queue()

    def high(self, signal: Any) -> bool:
        return int(signal.value) == 1

    def word(self) -> Word:
        return int(self.data.value), int(self.last.value)

    def does_nothing(self) -> bool:
        return self.random.random() < self.idle


class Source(Interface):
    """Puts words on the bus; between them TDATA and TLAST are noise."""

    def offer(self, packets: Iterable[list[int]]) -> None:
        """Queue packets; the last word of each gets TLAST."""
        for packet in packets:
            for index, word in enumerate(packet):
                self.words.put_nowait((word, int(index == len(packet) - 1)))

    async def run(self) -> None:
        self._rest()
        await RisingEdge(self.clock)
        while True:
            word = await self.words.get()
            while self.does_nothing():
                await RisingEdge(self.clock)
            self.data.value, self.last.value = word
            self.valid.value = 1
            taken = False
            while not taken:
                await FallingEdge(self.clock)
                taken = self.high(self.ready)
                await RisingEdge(self.clock)
            self._rest()

    def _rest(self) -> None:
        self.valid.value = 0
        self.data.value, self.last.value = self.random.getrandbits(32), self.random.getrandbits(1)


class Sink(Interface):
    """Takes words off the bus; TREADY comes and goes whatever TVALID does."""

    async def run(self) -> None:
        while True:
            self.ready.value = int(not self.does_nothing())
            await FallingEdge(self.clock)
            if self.high(self.valid) and self.high(self.ready):
                self.words.put_nowait(self.word())
            await RisingEdge(self.clock)

    async def packet(self) -> list[int]:
        """Return the words up to the next TLAST."""
        words: list[int] = []
        last = 0
        while not last:
            word, last = await self.words.get()
            words.append(word)
        return words


async def obey(interface: Interface) -> None:
    """Fail where an interface breaks a rule of AXI4-Stream.

    While reset is low TVALID is low; once TVALID is high it stays so, TDATA and TLAST the same,
    until a transfer.
    """
    offered: Word | None = None
    while True:
        await FallingEdge(interface.clock)
        valid, ready = interface.high(interface.valid), interface.high(interface.ready)
        if not interface.high(interface.reset):
            assert interface.name == "s_axis" or not valid, "TVALID is high in reset"
            offered = None
            continue
        if offered is not None:
            assert valid, f"{interface.name}: TVALID went low before TREADY"
            assert interface.word() == offered, f"{interface.name}: the word changed before TREADY"
        offered = interface.word() if valid and not ready else None
