"""cocotb tests of the stream driver and monitor on a register, run by test_bench.py."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, repeat
from unittest.mock import patch

import cocotb
import pytest
from cocotb.handle import HierarchyObject
from cocotb.task import bridge

from tenzo.sim.bench import HangError, cycles_now, start
from tenzo.sim.cocotb_device import CocotbTransport


def packets_of(seed: int, count: int) -> list[list[int]]:
    source = random.Random(seed)
    return [[source.getrandbits(32) for _ in range(source.randint(1, 20))] for _ in range(count)]


def numbers(seed: int, limit: int) -> Iterator[int]:
    source = random.Random(seed)
    while True:
        yield source.randint(0, limit)


@cocotb.test()
async def words_pass_one_a_cycle(dut: HierarchyObject) -> None:
    await start(dut)
    packets = packets_of(1, 50)
    first = cycles_now()
    assert await CocotbTransport(dut).run(packets, 50) == packets
    assert cycles_now() - first <= sum(map(len, packets)) + 2


@cocotb.test()
async def gaps_and_stalls_lose_and_duplicate_nothing(dut: HierarchyObject) -> None:
    await start(dut)
    for seed, (gap, stall) in enumerate([(0, 3), (3, 0), (2, 2), (1, 1)]):
        packets = packets_of(seed, 30)
        transport = CocotbTransport(dut, numbers(seed, gap), numbers(seed + 9, stall))
        assert await transport.run(packets, 30) == packets, f"seed {seed}"
        transport.monitor.stop()


@cocotb.test()
async def a_bridged_thread_exchanges_packets(dut: HierarchyObject) -> None:
    await start(dut)
    transport = CocotbTransport(dut)
    for seed in range(5):
        packets = packets_of(seed, 200)
        assert await bridge(transport.exchange)(packets) == packets


@cocotb.test()
async def a_response_may_be_as_late_as_was_allowed(dut: HierarchyObject) -> None:
    await start(dut)
    transport = CocotbTransport(dut)
    with patch("tenzo.sim.bench.HANG_CYCLES", 100):
        for allowed, late in ((0, 50), (200, 250)):
            transport.allow(allowed)
            transport.driver.gaps = chain([late], repeat(0))
            assert await transport.run([[1]], 1) == [[1]]
        transport.allow(0)
        transport.driver.gaps = chain([250], repeat(0))
        with pytest.raises(HangError, match="no response in 100 cycles"):
            await transport.run([[1]], 1)
