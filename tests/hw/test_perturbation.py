import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from tenzo.hw.perturbation import DONE_CYCLES, PATCH_CYCLES, Perturbation
from tenzo.hw.signs import SignPerturbation, perturbation_unit
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tests.hw.core_bench import random_values
from tests.hw.word_streams import simulate

PLUS, MINUS = 1, 2
RANDOM = [kind for kind in Distribution if kind != Distribution.ONE_HOT]
WEIGHTS, BIASES = 9, 4


@dataclass
class Bench:
    """A perturbation unit with master banks in Python."""

    engine: EngineParameters
    weights: list[int]
    biases: list[int]
    written: list[tuple[int, int, int]] = field(default_factory=list)
    saturated: int = 0
    latencies: list[int] = field(default_factory=list)

    def run(self, *requests: dict[str, int]) -> None:
        unit = perturbation_unit(self.engine)

        async def banks(ctx: Any) -> None:
            async for _, _, read in ctx.tick().sample(unit.read):
                bank = self.biases if read.bias else self.weights
                ctx.set(unit.read_data, bank[read.address] if read.address < len(bank) else 0)

        async def bench(ctx: Any) -> None:
            ctx.set(unit.weight_count, len(self.weights))
            ctx.set(unit.bias_count, len(self.biases))
            await ctx.tick()
            for request in requests:
                ctx.set(unit.i.payload, request)
                ctx.set(unit.i.valid, 1)
                await self._watch(ctx, unit)
            ctx.set(unit.i.valid, 0)

        simulate(unit, bench, processes=[banks])

    async def _watch(self, ctx: Any, unit: Perturbation | SignPerturbation) -> None:
        for cycle in count():
            o, saturated, done = ctx.get(unit.o), ctx.get(unit.saturated), ctx.get(unit.i.ready)
            if o.valid:
                self.written.append((o.bias, o.address, o.data))
                self.saturated += saturated
            else:
                assert not saturated
            await ctx.tick()
            if done:
                self.latencies.append(cycle)
                return


def request(**fields: int) -> dict[str, int]:
    base = {"distribution": 0, "bits": 1, "sign": PLUS, "seed": 1, "epsilon_raw": 1}
    return {**base, "first": 0, "last": 0, "patch": 0, "restore": 0, **fields}


def one_hot(first: int, **fields: int) -> dict[str, int]:
    return request(distribution=Distribution.ONE_HOT, first=first, last=first + 1, **fields)


def model(bench: Bench, asked: dict[str, int]) -> tuple[list[tuple[int, int, int]], int, int]:
    """Return writes, saturated parameters and steps of a request."""
    weight, bits = bench.engine.weight, bench.engine.lfsr.bits(asked["seed"])
    addresses = [(0, a) for a in range(len(bench.weights))]
    addresses += [(1, a) for a in range(len(bench.biases))]
    writes, saturated, steps = [], 0, 0
    stream = list(enumerate(addresses))
    if asked["patch"]:
        assert asked["distribution"] == Distribution.ONE_HOT or not asked["sign"]
        # Restored, then perturbed; both in this order where they are the same.
        stream = [(-1, addresses[asked["restore"]]), (asked["first"], addresses[asked["first"]])]
    for index, (bias, address) in stream:
        u, draws = 0, 0
        if asked["sign"] and asked["first"] <= index < asked["last"]:
            draws = 1 if asked["distribution"] == Distribution.RADEMACHER else asked["bits"]
        if draws and asked["distribution"] == Distribution.ONE_HOT:
            u, draws = 1, 0
        for _ in range(draws):
            double = asked["distribution"] == Distribution.UNIFORM
            u = (2 * u if double else u) + (1 if next(bits) else -1)
        sign = {0: 0, PLUS: 1, MINUS: -1}[asked["sign"]]
        value = (bench.biases if bias else bench.weights)[address] + sign * asked["epsilon_raw"] * u
        writes.append((bias, address, weight.saturate(value)))
        saturated += weight.saturate(value) != value
        steps += max(1, draws)
    return writes, saturated, steps


def check(bench: Bench, *asked: dict[str, int]) -> None:
    bench.run(*asked)
    wanted = [model(bench, one) for one in asked]
    assert bench.written == [write for writes, _, _ in wanted for write in writes]
    assert bench.saturated == sum(saturated for _, saturated, _ in wanted)
    assert bench.latencies == [steps + DONE_CYCLES for _, _, steps in wanted]


def bench_of(width: int, weights: int, biases: int, seed: int, max_bits: int = 8) -> Bench:
    generator = random.Random(seed)
    engine = EngineParameters(weight=Format(width, width - 2), max_bits=max_bits)
    return Bench(
        engine,
        random_values(generator, weights, width),
        random_values(generator, biases, width),
    )


@pytest.mark.parametrize("distribution", RANDOM)
@pytest.mark.parametrize("sign", [0, PLUS, MINUS])
def test_values_and_cycles_equal_the_model(distribution, sign):
    bench = bench_of(16, 20, 7, 1)
    asked = request(distribution=distribution, sign=sign, seed=99, epsilon_raw=1234, bits=5)
    check(bench, asked | {"first": 3, "last": 24})


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("width", [4, 16, 18])
def test_largest_epsilon_and_every_number_of_bits(bits, width):
    largest = (1 << (width - 1)) - 1
    asked = request(distribution=Distribution.UNIFORM, bits=bits, epsilon_raw=largest, last=16)
    check(bench_of(width, 16, 0, bits), asked, asked | {"distribution": Distribution.BINOMIAL})


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (0, 1), (0, 9), (4, 5), (8, 9), (9, 9), (5, 5), (6, 7), (5, 6)]
)
def test_bits_are_drawn_only_inside_the_range(first, last):
    asked = request(distribution=Distribution.BINOMIAL, bits=2, epsilon_raw=5, seed=12345)
    check(bench_of(8, 6, 3, 2), asked | {"first": first, "last": last})


@pytest.mark.parametrize(("weights", "biases"), [(1, 0), (0, 1), (0, 3), (1, 1), (0, 0), (5, 0)])
def test_small_banks(weights, biases):
    asked = request(epsilon_raw=3, last=weights + biases)
    check(bench_of(8, weights, biases, 3), asked, asked | {"sign": 0}, asked | {"sign": MINUS})


def test_rademacher_draws_one_bit_whatever_bits_says():
    check(bench_of(8, 6, 2, 4), request(bits=4, epsilon_raw=2, last=8))


@pytest.mark.parametrize("sign", [0, PLUS, MINUS])
@pytest.mark.parametrize("first", range(WEIGHTS + BIASES))
def test_a_one_hot_stream_changes_one_parameter(first, sign):
    check(bench_of(8, WEIGHTS, BIASES, 8), one_hot(first, sign=sign, epsilon_raw=100))


@pytest.mark.parametrize("sign", [0, PLUS, MINUS])
@pytest.mark.parametrize("restore", [0, 4, WEIGHTS - 1, WEIGHTS, WEIGHTS + BIASES - 1])
def test_a_patch_restores_one_address_and_perturbs_another(restore, sign):
    asked = [
        one_hot(first, sign=sign, epsilon_raw=100, patch=1, restore=restore)
        for first in range(WEIGHTS + BIASES)
    ]
    bench = bench_of(8, WEIGHTS, BIASES, 9)
    check(bench, *asked)
    assert bench.saturated or not sign


def test_a_patch_takes_six_cycles_whatever_the_number_of_parameters():
    for weights in (1, 200):
        bench = bench_of(8, weights, 1, 10)
        bench.run(*[one_hot(weights, patch=1, restore=0)] * 3)
        assert bench.latencies == [PATCH_CYCLES] * 3 == [6] * 3
        assert [write[:2] for write in bench.written] == [(0, 0), (1, 0)] * 3


@pytest.mark.parametrize("width", [4, 16, 18])
@pytest.mark.parametrize("patch", [0, 1])
def test_a_one_hot_step_saturates_at_both_ends_and_is_counted_once(width, patch):
    high = (1 << (width - 1)) - 1
    bench = Bench(EngineParameters(weight=Format(width, 2)), [high, -high - 1, high, 0], [-high])
    asked = [
        one_hot(first, sign=sign, epsilon_raw=step, patch=patch, restore=3)
        for first in range(5)
        for sign in (PLUS, MINUS)
        for step in (1, 2, high)
    ]
    check(bench, *asked)
    # Up from the top, down from the bottom, two at the top; from -high down by 2 and by high.
    assert bench.saturated == 3 + 3 + 3 + 2


def test_an_unperturbed_patch_restores_whatever_its_range_is():
    bench = bench_of(8, WEIGHTS, BIASES, 11)
    for first, last in [(0, 0), (3, 3), (0, WEIGHTS + BIASES), (WEIGHTS, WEIGHTS + 2)]:
        bench.written.clear()
        bench.run(request(sign=0, first=first, last=last, patch=1, restore=5))
        assert bench.written[0] == (0, 5, bench.weights[5])
        bias, address = (1, first - WEIGHTS) if first >= WEIGHTS else (0, first)
        master = bench.biases if bias else bench.weights
        assert bench.written[1:] == [(bias, address, master[address])]


def test_requests_follow_each_other_without_mixing():
    generator = random.Random(5)
    asked = [
        request(
            distribution=generator.randrange(3),
            sign=generator.randrange(3),
            seed=generator.randrange(1, 1 << 32),
            epsilon_raw=generator.randrange(1, 1 << 7),
            bits=generator.randint(1, 8),
            first=generator.randint(0, 6),
            last=generator.randint(6, 12),
        )
        for _ in range(12)
    ]
    asked[2::3] = [
        one_hot(generator.randrange(12), patch=generator.randrange(2), restore=4, epsilon_raw=99)
        for _ in asked[2::3]
    ]
    check(bench_of(8, 9, 3, 6), *asked)


def test_a_parameter_takes_one_cycle_outside_the_range_and_bits_inside():
    bench = bench_of(8, 10, 0, 7)
    asked = request(distribution=Distribution.UNIFORM, bits=8, epsilon_raw=1)
    bench.run(asked | {"last": 0}, asked | {"last": 10}, asked | {"first": 2, "last": 3})
    assert bench.latencies == [10 + 4, 80 + 4, 17 + 4]
