"""Drivers and monitors of byte streams and serial lines in Amaranth's simulator."""

from collections.abc import Iterable
from typing import Any

from tests.hw.word_streams import Stalls, no_stalls


async def send_bytes(ctx: Any, stream: Any, data: Iterable[int], stalls: Stalls | None = None):
    """Send bytes."""
    stalls = stalls or no_stalls()
    for byte in data:
        for _ in range(next(stalls)):
            await ctx.tick()
        ctx.set(stream.payload, byte)
        ctx.set(stream.valid, 1)
        await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)


async def receive_bytes(ctx: Any, stream: Any, count: int, stalls: Stalls | None = None) -> bytes:
    """Receive bytes; one must not change while it waits."""
    stalls = stalls or no_stalls()
    data = bytearray()
    while len(data) < count:
        waited = None
        for _ in range(next(stalls)):
            _, _, valid, byte = await ctx.tick().sample(stream.valid, stream.payload)
            assert waited is None or (valid, byte) == (1, waited), "a waiting byte changed"
            waited = byte if valid else None
        ctx.set(stream.ready, 1)
        (byte,) = await ctx.tick().sample(stream.payload).until(stream.valid)
        assert waited is None or byte == waited, "a waiting byte changed"
        ctx.set(stream.ready, 0)
        data.append(byte)
    return bytes(data)


def line_levels(data: Iterable[int], bit_cycles: float, gap_bits: float = 0.0) -> list[int]:
    """Level of a line in every cycle, from the first start bit on, as a sender's clock makes it."""
    bits: list[int] = []
    ends: list[float] = []
    time = 0.0
    for byte in data:
        for bit in (0, *(byte >> index & 1 for index in range(8)), 1):
            time += bit_cycles
            bits.append(bit)
            ends.append(time)
        time += gap_bits * bit_cycles
        ends[-1] = time
    levels = []
    index = 0
    for cycle in range(int(time)):
        while ends[index] <= cycle:
            index += 1
        levels.append(bits[index])
    return levels
