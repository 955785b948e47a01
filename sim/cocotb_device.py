"""The Verilated engine as a device, for code that knows nothing of cocotb.

A cocotb test runs blocking code with ``bridge``; the transport made here lets that code talk to
the simulated engine::

    transport = CocotbTransport(dut)
    await bridge(check)(PacketDevice(engine, transport))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import resume
from cocotb.triggers import with_timeout

from tenzo.sim.bench import CLOCK_NS, HangError, WordDriver, WordMonitor


class CocotbTransport:
    """Packet transport into a simulation, called from a bridged thread.

    Parameters
    ----------
    dut : HierarchyObject
        Engine whose clock runs.
    gaps : iterator of :class:`int`, optional
        Idle cycles before each word sent.
    stalls : iterator of :class:`int`, optional
        Cycles without ``ready`` before each word taken.
    """

    def __init__(
        self,
        dut: HierarchyObject,
        gaps: Iterator[int] | None = None,
        stalls: Iterator[int] | None = None,
    ) -> None:
        self.driver = WordDriver(dut, gaps)
        self.monitor = WordMonitor(dut, stalls)

    def exchange(self, requests: Iterable[list[int]]) -> list[list[int]]:
        """Send all packets back to back and return the response to each."""
        packets = list(requests)
        return list(resume(self.run)(packets, len(packets)))

    def allow(self, cycles: int) -> None:
        """Let the engine compute for some cycles before it counts as hung."""
        self.monitor.allow(cycles)

    def close(self) -> None:
        """Do nothing: the simulation ends with its test."""

    async def run(self, packets: Sequence[list[int]], responses: int) -> list[list[int]]:
        """Send packets while their responses are taken."""
        sending = cocotb.start_soon(self.driver.send(packets))
        result = [await self.monitor.response() for _ in range(responses)]
        limit = self.monitor.hang_cycles
        try:
            await with_timeout(sending, limit * CLOCK_NS, "ns")
        except TimeoutError:
            raise HangError(f"a word was not taken in {limit} cycles") from None
        return result
