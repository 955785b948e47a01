import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tenzo.hw.interface import TALLY_LATENCY
from tenzo.hw.perturbation import DONE_CYCLES
from tenzo.hw.sequencer import START_CYCLES
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import Activation, Stage
from tests.hw.core_bench import CoreBench, random_values
from tests.hw.resettable import with_reset
from tests.hw.word_streams import simulate
from tests.sw.random_programs import cases, queries

SIGN_CODES = {0: 0, 1: 1, -1: 2}
INPUTS, HIDDEN, OUTPUTS = 8, 5, 3


RELU = Activation.RELU


def engine_of(lane_count: int = 4, sharing: int = 2, **fields: Any) -> EngineParameters:
    base: dict[str, Any] = {
        "activation": Format(8, 4),
        "weight": Format(8, 6),
        "lane_count": lane_count,
        "requantizer_sharing": sharing,
        "lane_depth": 64,
        "weight_depth": 60,
        "bias_depth": 17,
        "stage_slots": 4,
        "result_depth": 5,
    }
    return EngineParameters(**{**base, **fields})


def two_layers(
    engine: EngineParameters, hidden: Activation = RELU, output: Activation = Activation.NONE
) -> tuple[Stage, ...]:
    """A dense network 8-5-3 with biases; the second slot is its first stage."""
    unused = Stage((1, 1, 1, 1, 1, 1), 0, (0,) * 6, 0, (0,) * 6, 0, (0,) * 5, 0)
    first = Stage(
        (1, 1, 1, 1, HIDDEN, INPUTS),
        0,
        (0, 0, 0, 0, 0, 1),
        0,
        (0, 0, 0, 0, INPUTS, 1),
        40,
        (0, 0, 0, 0, 1),
        6,
        bias_strides=(0, 0, 0, 0, 1),
        bias_shift=4,
        use_bias=True,
        activation=hidden,
        sample_input=True,
    )
    second = Stage(
        (1, 1, 1, 1, OUTPUTS, HIDDEN),
        40,
        (0, 0, 0, 0, 0, 1),
        INPUTS * HIDDEN,
        (0, 0, 0, 0, HIDDEN, 1),
        0,
        (0, 0, 0, 0, 1),
        2,
        bias_base=HIDDEN,
        bias_strides=(0, 0, 0, 0, 1),
        bias_shift=3,
        use_bias=True,
        activation=output,
        to_results=True,
    )
    return with_waits([unused, first, second], engine)


class Network:
    """A core that holds :func:`two_layers`, random parameters and random samples."""

    def __init__(
        self,
        engine: EngineParameters,
        seed: int = 1,
        activations: tuple[Activation, Activation] = (RELU, Activation.NONE),
    ) -> None:
        self.activations = activations
        self.bench = CoreBench(engine)
        self.random = random.Random(seed)
        self.engine = engine

    async def load(self, ctx: Any) -> None:
        weights = random_values(self.random, HIDDEN * (INPUTS + OUTPUTS), 8)
        biases = random_values(self.random, HIDDEN + OUTPUTS, 8)
        await self.bench.load(ctx, two_layers(self.engine, *self.activations), weights, biases)
        await self.load_samples(ctx)

    async def load_samples(self, ctx: Any, base: int = 0) -> None:
        samples = [random_values(self.random, INPUTS, 8) for _ in range(self.engine.lane_count)]
        await self.bench.load_samples(ctx, samples, base)

    def query(self, **fields: int) -> dict[str, int]:
        """A random Rademacher query of the whole network."""
        return {
            "entry": 1,
            "stop": 3,
            "sign": self.random.choice([1, 2]),
            "seed": self.random.randrange(1, 1 << 32),
            "epsilon_raw": self.random.randrange(1, 30),
            "last": HIDDEN * (INPUTS + OUTPUTS) + HIDDEN + OUTPUTS,
            "active_lanes": self.engine.lane_count,
            **fields,
        }

    async def check(self, ctx: Any, asked: dict[str, int]) -> None:
        """Read, release and compare the oldest query."""
        want = [lane[:OUTPUTS] for lane in self.bench.expect(**asked)]
        assert await self.bench.finish(ctx, OUTPUTS) == want, asked

    async def check_counters(self, ctx: Any) -> dict[str, int]:
        """Compare the counters that the model has; return all."""
        counters = await self.bench.counters(ctx)
        for name, want in self.bench.model.counters.items():
            if "wait" not in name and "stall" not in name:
                assert counters[name] == want, name
        return counters


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(case=cases().flatmap(lambda case: queries(case).map(lambda query: (case, query))))
def test_random_programs_equal_the_model(case):
    case, query = case
    engine, program = case.engine, case.program
    bench = CoreBench(engine)
    first, last, entry, stop = query.resolve(program)
    fields = {
        "distribution": int(query.distribution),
        "bits": query.bits,
        "sign": SIGN_CODES[query.sign],
        "seed": query.seed,
        "epsilon_raw": query.epsilon_raw,
        "first": first,
        "last": last,
        "entry": entry,
        "stop": stop,
        "active_lanes": min(engine.lane_count, len(case.samples_raw)),
        "sample_base": program.sample_bases[-1],
    }
    samples = case.samples_raw[: engine.lane_count].tolist()
    parameters = case.parameters_raw.tolist()

    async def run(ctx):
        weights, biases = parameters[: program.weight_count], parameters[program.weight_count :]
        await bench.load(ctx, program.stages, weights, biases)
        await bench.load_samples(ctx, samples, fields["sample_base"])
        await bench.ask(ctx, **fields)
        count = program.output_count
        got = await bench.finish(ctx, count)
        want = [lane[:count] for lane in bench.expect(**fields)]
        assert got[: len(samples)] == want[: len(samples)]
        assert (
            await bench.saturations(ctx, len(program.stages))
            == (bench.model.saturations[: len(program.stages)])
        )
        counters = await bench.counters(ctx)
        for name in ("run_cycles", "mac_cycles", "queries", "weight_saturations"):
            assert counters[name] == bench.model.counters[name], name

    simulate(bench.core, run)


@pytest.mark.parametrize(
    ("lanes", "sharing"), [(1, 1), (1, 4), (4, 2), (5, 3), (9, 1), (7, 4), (20, 16), (11, 5)]
)
def test_lanes_and_sharing(lanes, sharing):
    network = Network(engine_of(lanes, sharing))

    async def run(ctx):
        await network.load(ctx)
        for active in (lanes, 1):
            asked = network.query(active_lanes=active)
            await network.bench.ask(ctx, **asked)
            await network.check(ctx, asked)
        await network.check_counters(ctx)
        assert await network.bench.saturations(ctx, 4) == network.bench.model.saturations

    simulate(network.bench.core, run)


SINE, TANH, PLAIN = Activation.SINE, Activation.TANH, Activation.NONE


@pytest.mark.parametrize("activations", [(SINE, PLAIN), (PLAIN, TANH), (TANH, SINE)])
@pytest.mark.parametrize(
    ("lanes", "sharing", "units"),
    [(1, 1, 1), (4, 2, 2), (8, 2, 1), (11, 2, 2), (9, 1, 3), (7, 4, 1), (20, 3, 4), (5, 3, 9)],
)
def test_table_units_and_sharing(lanes, sharing, units, activations):
    fields = {"table_frac_bits": 4, "table_segment_bits": 5}
    engine = engine_of(lanes, sharing, table_units=units, **fields)
    network = Network(engine, activations=activations)

    async def run(ctx):
        await network.load(ctx)
        for active in (lanes, 1):
            asked = network.query(active_lanes=active)
            await network.bench.ask(ctx, **asked)
            await network.check(ctx, asked)
        await network.check_counters(ctx)
        saturations = await network.bench.saturations(ctx, 4)
        assert saturations == network.bench.model.saturations
        assert sum(saturations) > 0

    simulate(network.bench.core, run)


def test_queries_follow_each_other_while_the_next_one_is_perturbed():
    network = Network(engine_of())

    async def run(ctx):
        await network.load(ctx)
        asked = [network.query() for _ in range(6)]
        for query in asked[:3]:
            await network.bench.ask(ctx, **query)
        for index, query in enumerate(asked):
            await network.check(ctx, query)
            if index + 3 < len(asked):
                await network.bench.ask(ctx, **asked[index + 3])
        counters = await network.check_counters(ctx)
        assert counters["queries"] == len(asked)
        assert await network.bench.saturations(ctx, 4) == network.bench.model.saturations

    simulate(network.bench.core, run)


def test_the_queue_holds_back_what_it_cannot_take_and_loses_nothing():
    network = Network(engine_of())

    async def run(ctx):
        await network.load(ctx)
        asked = [network.query() for _ in range(9)]
        done: list[dict[str, int]] = []

        for query in asked:
            ctx.set(network.bench.core.query.payload, {"bits": 1, **query})
            ctx.set(network.bench.core.query.valid, 1)
            while not ctx.get(network.bench.core.query.ready):
                ctx.set(network.bench.core.query.valid, 0)
                await network.check(ctx, asked[len(done)])
                done.append(query)
                ctx.set(network.bench.core.query.valid, 1)
            await ctx.tick()
            ctx.set(network.bench.core.query.valid, 0)
        for query in asked[len(done) :]:
            await network.check(ctx, query)
        assert done

    simulate(network.bench.core, run)


def test_waiting_cycles_are_counted():
    engine = engine_of()
    network = Network(engine)
    parameters = HIDDEN * (INPUTS + OUTPUTS) + HIDDEN + OUTPUTS

    async def run(ctx):
        await network.load(ctx)
        asked = [network.query() for _ in range(3)]
        await network.bench.ask(ctx, **asked[0])
        await ctx.tick().repeat(400)
        first = await network.bench.counters(ctx)
        assert first["perturb_wait_cycles"] == 1 + parameters + DONE_CYCLES  # 1 in the queue
        assert first["link_stall_cycles"] == 0
        for query in asked[1:]:
            await network.bench.ask(ctx, **query)
        await ctx.tick().repeat(600)
        counters = await network.bench.counters(ctx)
        assert counters["queries"] == 2
        stalled = counters["link_stall_cycles"]
        await ctx.tick().repeat(100)
        for query in asked:
            await network.check(ctx, query)
        assert (await network.check_counters(ctx))["link_stall_cycles"] >= stalled + 100

    simulate(network.bench.core, run)


def test_two_finished_queries_are_read_in_order():
    network = Network(engine_of())

    async def run(ctx):
        await network.load(ctx)
        asked = [network.query() for _ in range(2)]
        for query in asked:
            await network.bench.ask(ctx, **query)
        await ctx.tick().repeat(600)
        for query in asked:
            await network.check(ctx, query)
        assert not ctx.get(network.bench.core.result_ready)

    simulate(network.bench.core, run)


def test_samples_load_into_the_other_buffer_during_a_run():
    network = Network(engine_of())

    async def run(ctx):
        await network.load(ctx)
        first = network.query()
        await network.bench.ask(ctx, **first)
        want = [lane[:OUTPUTS] for lane in network.bench.expect(**first)]
        await ctx.tick().repeat(70)
        for _ in range(3):
            await network.load_samples(ctx, base=16)
        assert await network.bench.finish(ctx, OUTPUTS) == want
        second = network.query(sample_base=16)
        await network.bench.ask(ctx, **second)
        await network.check(ctx, second)
        assert (await network.check_counters(ctx))["load_wait_cycles"] > 0

    simulate(network.bench.core, run)


def test_a_program_starts_21_cycles_after_the_one_before():
    network = Network(engine_of())
    writes = []

    async def run(ctx):
        await network.load(ctx)
        asked = [network.query() for _ in range(2)]
        for query in asked:
            await network.bench.ask(ctx, **query)
        running = []
        for _ in range(400):
            running.append(ctx.get(network.bench.core.events.run_cycles))
            await ctx.tick()
        text = "".join(map(str, running)).strip("0")
        writes.append(text.strip("1").count("0"))

    simulate(network.bench.core, run)
    assert writes == [START_CYCLES] == [22]


def test_saturations_are_up_to_date_when_the_result_is_ready():
    network = Network(engine_of())
    core = network.bench.core

    async def run(ctx):
        await network.load(ctx)
        asked = network.query(stop=2)  # the first layer only, which saturates
        network.bench.expect(**asked)
        assert network.bench.model.saturations[1] > 0
        await network.bench.ask(ctx, **asked)
        while not ctx.get(core.result_ready):
            await ctx.tick()
        ctx.set(core.tally_read, {"valid": 1, "is_counter": 0, "index": 1})
        await ctx.tick().repeat(TALLY_LATENCY)
        assert ctx.get(core.tally_data) == network.bench.model.saturations[1]

    simulate(core, run)


def test_a_query_right_after_reset_waits_until_the_counters_are_zero():
    network = Network(engine_of(1, 1, stage_slots=255))
    bench = network.bench
    stage = Stage((1, 1, 1, 1, 1, 1), 0, (0,) * 6, 0, (0,) * 6, 9, (0,) * 5, 0)

    async def run(ctx):
        await bench.load(ctx, [stage], [127], [])
        await bench.load_samples(ctx, [[127]])
        assert ctx.get(bench.core.clear_busy)
        await bench.ask(ctx)
        await bench.finish(ctx, 1)
        assert await bench.saturations(ctx, 2) == [1, 0]

    simulate(bench.core, run)


def test_clear_zeroes_every_counter():
    network = Network(engine_of())

    async def run(ctx):
        await network.load(ctx)
        for _ in range(2):
            asked = network.query()
            await network.bench.ask(ctx, **asked)
            await network.check(ctx, asked)
            assert any(await network.bench.saturations(ctx, 4))
            await network.bench.clear(ctx)
            assert not any((await network.bench.counters(ctx)).values())
            assert await network.bench.saturations(ctx, 4) == [0] * 4

    simulate(network.bench.core, run)


@pytest.mark.parametrize("cycles", [3, 40, 70, 90, 130, 160])
def test_reset_in_mid_query_leaves_no_trace(cycles):
    network = Network(engine_of())
    design, reset = with_reset(network.bench.core)

    async def run(ctx):
        await network.load(ctx)
        for _ in range(2):
            await network.bench.ask(ctx, **network.query())
        await ctx.tick().repeat(cycles)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        network.bench.model.clear()
        for _ in range(100):
            assert not ctx.get(network.bench.core.result_ready)
            await ctx.tick()
        assert await network.bench.saturations(ctx, 4) == [0] * 4
        await network.load(ctx)
        asked = network.query()
        await network.bench.ask(ctx, **asked)
        await network.check(ctx, asked)
        await network.check_counters(ctx)
        assert await network.bench.saturations(ctx, 4) == network.bench.model.saturations

    simulate(design, run)


def test_a_program_that_reads_what_it_is_writing_is_caught():
    engine = engine_of()
    network = Network(engine)

    async def run(ctx):
        await network.load(ctx)
        stages = list(two_layers(engine))
        stages[2] = replace(stages[2], wait_cycles=stages[2].wait_cycles - 1)
        await network.bench.load(ctx, stages, [1] * 55, [1] * 8)
        await network.bench.ask(ctx, **network.query())
        while True:
            await ctx.tick()

    with pytest.raises(AssertionError, match="Assertion violated"):
        simulate(network.bench.core, run)
