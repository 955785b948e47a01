import random
from pathlib import Path
from typing import Any

import pytest

from tenzo.hw.checksum import Checksum
from tenzo.hw.netlist import component_verilog
from tenzo.sw.packets import crc32
from tests.hw.resettable import with_reset
from tests.hw.stated_resources import assert_as_stated
from tests.hw.synthesis import ecp5_cells
from tests.hw.word_streams import random_stalls, simulate

KINDS = pytest.mark.parametrize("serial", [False, True])


async def feed(ctx: Any, unit: Checksum, words: list[int], gaps: Any = None) -> int:
    """Take the words of a packet; return the cycles without those between words."""
    cycles = 0
    for index, word in enumerate(words):
        for _ in range(next(gaps) if gaps else 0):
            await ctx.tick()
        ctx.set(unit.data, word)
        ctx.set(unit.start, index == 0)
        ctx.set(unit.valid, 1)
        accepted = False
        while not accepted:
            accepted = ctx.get(unit.ready)
            await ctx.tick()
            cycles += 1
        ctx.set(unit.valid, 0)
    return cycles


def packets(seed: int) -> list[list[int]]:
    generator = random.Random(seed)
    drawn = [[generator.getrandbits(32) for _ in range(n)] for n in (1, 2, 3, 7)]
    return [[0], [0xFFFFFFFF], [0, 0xFFFFFFFF, 1], *drawn]


@KINDS
def test_checksum_equals_zlib(serial: bool) -> None:
    unit = Checksum(serial=serial)

    async def bench(ctx: Any) -> None:
        for words in packets(1):
            await feed(ctx, unit, words, random_stalls(2))
            assert ctx.get(unit.crc) == crc32(words)

    simulate(unit, bench)


@KINDS
def test_a_packet_matches_with_its_checksum_and_no_other(serial: bool) -> None:
    unit = Checksum(serial=serial)

    async def bench(ctx: Any) -> None:
        for words in packets(2):
            await feed(ctx, unit, [*words, crc32(words)])
            assert ctx.get(unit.match)
            for bit in (0, 1, 31):
                await feed(ctx, unit, [*words, crc32(words) ^ 1 << bit])
                assert not ctx.get(unit.match)

    simulate(unit, bench)


@pytest.mark.parametrize(("serial", "cycles"), [(False, 1), (True, 32)])
def test_cycles_of_a_word(serial: bool, cycles: int) -> None:
    unit = Checksum(serial=serial)

    async def bench(ctx: Any) -> None:
        assert await feed(ctx, unit, [3, 1, 4]) == 3 * cycles

    simulate(unit, bench)


def test_a_reset_within_a_word_starts_the_next_one_at_its_first_bit() -> None:
    unit = Checksum(serial=True)
    design, reset = with_reset(unit)

    async def bench(ctx: Any) -> None:
        ctx.set(unit.valid, 1)
        ctx.set(unit.data, 5)
        await ctx.tick().repeat(7)
        ctx.set(unit.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await feed(ctx, unit, [1, 2])
        assert ctx.get(unit.crc) == crc32([1, 2])

    simulate(design, bench)


@pytest.mark.slow
def test_the_serial_one_takes_the_stated_resources(tmp_path: Path) -> None:
    verilog = component_verilog(Checksum(serial=True), "checksum")
    assert_as_stated(Checksum, ecp5_cells(verilog, tmp_path))
