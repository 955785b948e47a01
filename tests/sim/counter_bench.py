"""cocotb tests of a counter, run in the simulator by test_verilator.py."""

from __future__ import annotations

import os
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ReadOnly, RisingEdge


async def count_for(dut: Any, cycles: int) -> int:
    """Let the counter run for some cycles; its value after the last of them."""
    await RisingEdge(dut.clk)
    dut.enable.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.enable.value = 0
    await ReadOnly()
    return int(dut.count.value)


async def start(dut: Any) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    dut.enable.value = 0
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0


@cocotb.test()
async def only_the_ports_are_visible(dut: Any) -> None:
    assert sorted(handle._name for handle in dut) == ["clk", "count", "enable", "rst"]


@cocotb.test()
async def a_blocking_loop_drives_the_simulation(dut: Any) -> None:
    await start(dut)

    def loop() -> list[int]:
        count = resume(count_for)
        return [count(dut, cycles) for cycles in (1, 2, 3)]

    assert await bridge(loop)() == [1, 3, 6]


@cocotb.test()
async def errors_cross_the_bridge_both_ways(dut: Any) -> None:
    async def fails() -> None:
        await RisingEdge(dut.clk)
        raise KeyError("from the simulation")

    def loop() -> None:
        with pytest.raises(KeyError, match="from the simulation"):
            resume(fails)()
        raise LookupError("from the loop")

    await start(dut)
    with pytest.raises(LookupError, match="from the loop"):
        await bridge(loop)()


@cocotb.test()
async def fails_on_request(dut: Any) -> None:
    asked = int(os.environ["TENZO_TEST_COUNT"])
    assert int(dut.count.value) == asked, f"the counter was asked for {asked}"
