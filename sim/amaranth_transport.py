"""Packets to an engine in Amaranth's own simulator: no Verilog, no compiler, and slow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from amaranth.sim import Simulator

from tenzo.hw.engine import Engine
from tenzo.sw.engine import EngineParameters


class AmaranthTransport:
    """Packet transport that advances a simulation as long as responses are missing.

    Parameters
    ----------
    engine : EngineParameters

    Attributes
    ----------
    cycles : int
        Clock cycles since the simulation began.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.cycles = 0
        self._words: deque[tuple[int, bool]] = deque()
        self._responses: list[list[int]] = []
        self._engine = Engine(engine)
        self._simulator = Simulator(self._engine)
        self._simulator.add_clock(1e-8)
        self._simulator.add_testbench(self._send, background=True)
        self._simulator.add_testbench(self._receive, background=True)
        self._simulator.add_testbench(self._count)

    def exchange(self, requests: Iterable[list[int]]) -> list[list[int]]:
        """Send packets back to back and return the response to each, in order."""
        packets = list(requests)
        for packet in packets:
            self._words.extend(
                (word, index == len(packet) - 1) for index, word in enumerate(packet)
            )
        self._responses.clear()
        while len(self._responses) < len(packets):
            self._simulator.advance()
        return list(self._responses)

    def allow(self, cycles: int) -> None:
        """Take note of nothing: the simulation waits for responses without end."""

    def close(self) -> None:
        """Do nothing: the simulation holds no process and no file."""

    async def _count(self, ctx: Any) -> None:
        while True:
            await ctx.tick()
            self.cycles += 1

    async def _send(self, ctx: Any) -> None:
        stream = self._engine.i
        while True:
            if not self._words:
                await ctx.tick()
                continue
            word, last = self._words.popleft()
            ctx.set(stream.payload, {"data": word, "last": last})
            ctx.set(stream.valid, 1)
            ready = 0
            while not ready:
                _, _, ready = await ctx.tick().sample(stream.ready)
            ctx.set(stream.valid, 0)

    async def _receive(self, ctx: Any) -> None:
        stream = self._engine.o
        ctx.set(stream.ready, 1)
        words: list[int] = []
        while True:
            wanted = stream.valid, stream.payload.data, stream.payload.last
            _, _, valid, data, last = await ctx.tick().sample(*wanted)
            if valid:
                words.append(data)
            if valid and last:
                self._responses.append(words)
                words = []
