# amaranth: UnusedElaboratable=no
import random
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module

from tenzo.hw.netlist import component_verilog
from tenzo.hw.uart import UartReceiver, UartTransmitter
from tests.hw.byte_streams import line_levels, receive_bytes, send_bytes
from tests.hw.resettable import with_reset
from tests.hw.stated_resources import assert_as_stated
from tests.hw.synthesis import ecp5_cells
from tests.hw.word_streams import random_stalls, simulate

DIVISORS = (4, 5, 7, 16, 27)


def random_bytes(seed: int, count: int) -> bytes:
    return random.Random(seed).randbytes(count)


async def drive(ctx: Any, line: Any, levels: list[int]) -> None:
    for level in levels:
        ctx.set(line, level)
        await ctx.tick()


def heard(divisor: int, levels: list[int], idle_cycles: int = 20) -> bytes:
    """What a receiver makes of a line."""
    dut = UartReceiver(divisor)
    data = bytearray()

    async def source(ctx: Any) -> None:
        ctx.set(dut.rx, 1)
        ctx.set(dut.o.ready, 1)
        await drive(ctx, dut.rx, [1] * 5 + levels + [1] * (idle_cycles + divisor))

    async def sink(ctx: Any) -> None:
        async for _, _, valid, byte in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                data.append(byte)

    simulate(dut, source, processes=[sink])
    return bytes(data)


def sent_levels(divisor: int, data: bytes) -> list[int]:
    """Levels of a transmitter's line, from the first start bit on."""
    dut = UartTransmitter(divisor)
    levels = []

    async def source(ctx: Any) -> None:
        await send_bytes(ctx, dut.i, data)

    async def sink(ctx: Any) -> None:
        while not ctx.get(dut.busy):
            await ctx.tick()
        for _ in range(10 * divisor * len(data)):
            levels.append(ctx.get(dut.tx))
            await ctx.tick()
        assert ctx.get(dut.tx)

    simulate(dut, source, sink)
    return levels


@pytest.mark.parametrize("divisor", DIVISORS)
def test_bytes_arrive_as_they_were_sent(divisor: int) -> None:
    data = b"\x00\xff\x55\xaa\x01\x80" + random_bytes(divisor, 10)
    assert heard(divisor, line_levels(data, divisor)) == data


def test_one_byte_arrives() -> None:
    assert heard(16, line_levels(b"\x4b", 16)) == b"\x4b"


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("percent", [-2, 2])
def test_two_percent_between_the_clocks_are_tolerated(divisor: int, percent: int) -> None:
    data = b"\x00\xff\x55\xfe\x7f" + random_bytes(1, 5)
    for gap in (0.0, 0.37):  # with it start bits begin anywhere in a cycle
        levels = line_levels(data, divisor * (1 + percent / 100), gap_bits=gap)
        assert heard(divisor, levels) == data, gap


@pytest.mark.parametrize("divisor", [16, 41])
@pytest.mark.parametrize("percent", [-4, 4])
def test_four_percent_are_tolerated_from_divisor_16_on(divisor: int, percent: int) -> None:
    data = b"\x00\xff\x55\xfe\x7f" + random_bytes(2, 5)
    assert heard(divisor, line_levels(data, divisor * (1 + percent / 100))) == data


@pytest.mark.parametrize("percent", [-8, 8])
def test_eight_percent_are_not(percent: int) -> None:
    data = random_bytes(3, 8)
    assert heard(41, line_levels(data, 41 * (1 + percent / 100))) != data


def test_gaps_between_bytes_change_nothing() -> None:
    data = random_bytes(4, 10)
    assert heard(7, line_levels(data, 7, gap_bits=3.7)) == data


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("more", [0, 1])
def test_a_next_start_bit_may_come_half_the_divisor_early_and_no_cycle_more(
    divisor: int, more: int
) -> None:
    data = random_bytes(5, 10)
    levels: list[int] = []
    for byte in data:
        levels += line_levels([byte], divisor)[: -(divisor // 2 + more)]
    assert (heard(divisor, levels + [1] * divisor) == data) == (not more)


def test_a_byte_without_stop_bit_is_dropped_and_the_one_behind_it_is_not() -> None:
    levels = line_levels(b"\x41", 8)
    levels[-8:] = [0] * 8
    assert heard(8, levels + [1] * 8 + line_levels(b"\x42", 8)) == b"\x42"


def test_a_line_held_low_is_no_byte() -> None:
    assert heard(8, [0] * 300 + [1] * 8 + line_levels(b"\x42", 8)) == b"\x42"


def test_a_glitch_shorter_than_half_a_bit_is_no_byte() -> None:
    assert heard(16, [0] * 5 + [1] * 300 + line_levels(b"\x42", 16)) == b"\x42"


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_byte_appears_when_the_docstring_says(divisor: int) -> None:
    dut = UartReceiver(divisor)
    cycles = 0

    async def source(ctx: Any) -> None:
        nonlocal cycles
        ctx.set(dut.rx, 1)
        for _ in range(5):
            await ctx.tick()
        for level in line_levels(b"\x42", divisor):
            ctx.set(dut.rx, level)
            if ctx.get(dut.o.valid):
                return
            await ctx.tick()
            cycles += 1

    simulate(dut, source)
    assert cycles == (divisor - 3) // 2 + 9 * divisor + 4


def test_a_byte_that_waits_is_kept_and_the_next_one_lost() -> None:
    dut = UartReceiver(4)
    got = []

    async def source(ctx: Any) -> None:
        ctx.set(dut.rx, 1)
        await drive(ctx, dut.rx, [1] * 5 + line_levels(b"\x01\x02", 4) + [1] * 20)
        got.append(await receive_bytes(ctx, dut.o, 1))
        await drive(ctx, dut.rx, line_levels(b"\x03", 4) + [1] * 20)
        got.append(await receive_bytes(ctx, dut.o, 1))

    simulate(dut, source)
    assert got == [b"\x01", b"\x03"]


def test_reset_in_a_byte_forgets_it() -> None:
    dut = UartReceiver(8)
    design, reset = with_reset(dut)
    got = []

    async def source(ctx: Any) -> None:
        ctx.set(dut.rx, 1)
        await drive(ctx, dut.rx, [1] * 5 + line_levels(b"\x00", 8)[:30] + [1] * 2)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await drive(ctx, dut.rx, [1] * 5 + line_levels(b"\x43", 8) + [1] * 10)
        got.append(await receive_bytes(ctx, dut.o, 1))

    simulate(design, source)
    assert got == [b"\x43"]


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_sender_makes_the_levels_of_the_bytes_without_a_gap(divisor: int) -> None:
    data = b"\x00\xff\x55\xaa" + random_bytes(6, 10)
    assert sent_levels(divisor, data) == line_levels(data, divisor)


def test_a_sender_takes_a_byte_no_earlier_than_the_last_cycle_of_the_stop_bit() -> None:
    dut = UartTransmitter(5)
    taken = []

    async def source(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        for cycle in range(101):
            if ctx.get(dut.i.ready):
                taken.append(cycle)
            await ctx.tick()

    simulate(dut, source)
    assert taken == [0, 50, 100]


def test_the_start_bit_begins_one_cycle_after_its_byte_is_taken() -> None:
    dut = UartTransmitter(5)
    levels = []

    async def source(ctx: Any) -> None:
        for _ in range(12):
            await ctx.tick()
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, 0xFF)
        assert ctx.get(dut.i.ready)
        for _ in range(7):
            levels.append(ctx.get(dut.tx))
            await ctx.tick()

    simulate(dut, source)
    assert levels == [1, 0, 0, 0, 0, 0, 1]


def test_reset_in_a_byte_makes_the_line_idle() -> None:
    dut = UartTransmitter(8)
    design, reset = with_reset(dut)
    state = []

    async def source(ctx: Any) -> None:
        await send_bytes(ctx, dut.i, b"\x00")
        await ctx.tick().repeat(20)
        state.append((ctx.get(dut.tx), ctx.get(dut.busy)))
        ctx.set(reset, 1)
        await ctx.tick()
        state.append((ctx.get(dut.tx), ctx.get(dut.busy)))

    simulate(design, source)
    assert state == [(0, 1), (1, 0)]


@pytest.mark.parametrize("divisor", [4, 9])
def test_what_a_sender_sends_a_receiver_hears_whatever_the_gaps(divisor: int) -> None:
    sender, receiver = UartTransmitter(divisor), UartReceiver(divisor)
    design = Module()
    design.submodules.sender, design.submodules.receiver = sender, receiver
    design.d.comb += receiver.rx.eq(sender.tx)
    data = random_bytes(7, 20)
    got = []

    async def source(ctx: Any) -> None:
        await send_bytes(ctx, sender.i, data, random_stalls(1, 100))

    async def sink(ctx: Any) -> None:
        got.append(await receive_bytes(ctx, receiver.o, len(data), random_stalls(2, 9 * divisor)))

    simulate(design, source, sink)
    assert got == [data]


@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_a_divisor_that_cannot_be_is_refused(component: type) -> None:
    with pytest.raises(ValueError, match="divisor must be at least 4, not 3"):
        component(3)
    with pytest.raises(TypeError, match=r"divisor must be an integer, not 8\.5"):
        component(8.5)


@pytest.mark.slow
@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_it_takes_no_more_than_its_docstring_says(component: type, tmp_path: Path) -> None:
    assert_as_stated(component, ecp5_cells(component_verilog(component(100), "top"), tmp_path))
