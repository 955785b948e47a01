"""Golden model against the reference interpreter, which moves one address step at a time."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.device import Outputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.golden import COUNTER_MAX, MEMORY_BYTES, GoldenDevice
from tenzo.sw.golden_stage import EXACT_LIMIT, exact_bound
from tenzo.sw.perturbation import perturb
from tenzo.sw.program import Activation, Program, Stage
from tenzo.sw.reference import Lane
from tenzo.sw.schedule import program_cycles, program_macs, with_waits
from tests.sw.random_programs import Case, cases, queries


def device_of(case: Case) -> GoldenDevice:
    device = GoldenDevice(case.engine)
    device.load_program(case.program)
    device.write_parameters(case.parameters_raw)
    return device


def reference_lane(case: Case, sample: np.ndarray, base: int) -> Lane:
    memory = {base + index: int(value) for index, value in enumerate(sample)}
    return Lane(case.engine, [], [], memory, base)


def run_reference(case: Case, lane: Lane, query: Query) -> tuple[int, int]:
    """Run a query; return its cycles and saturated parameters."""
    raw, saturated = perturb(case.parameters_raw, query, case.program, case.engine)
    lane.weights = [int(value) for value in raw[: case.program.weight_count]]
    lane.biases = [int(value) for value in raw[case.program.weight_count :]]
    _, _, entry, stop = query.resolve(case.program)
    return lane.run(case.program.encode(), entry, stop), saturated


def results_of(case: Case, lane: Lane) -> list[int]:
    return [lane.results[index] for index in range(case.program.output_count)]


@given(st.data())
def test_results_saturations_and_cycles_equal_the_reference(data):
    case = data.draw(cases())
    drawn = data.draw(st.lists(queries(case), min_size=1, max_size=3))
    device = device_of(case)
    outputs = list(device.evaluate(case.samples_raw, drawn))
    waves = -(-len(case.samples_raw) // case.engine.lane_count)
    cycles = macs = weight_saturations = 0
    saturations = np.zeros(len(case.program.stages), dtype=np.int64)
    for index, query in enumerate(drawn):
        base = data.draw(st.sampled_from(case.program.sample_bases))
        for number, sample in enumerate(case.samples_raw):
            lane = reference_lane(case, sample, base)
            run_cycles, saturated = run_reference(case, lane, query)
            assert outputs[index].outputs_raw[number].tolist() == results_of(case, lane)
            saturations += [lane.saturations[stage] for stage in range(len(saturations))]
        cycles += waves * run_cycles
        macs += waves * lane.macs
        weight_saturations += waves * saturated
    counters = device.read_counters()
    assert counters.run_cycles == cycles
    assert counters.mac_cycles == macs
    assert counters.queries == waves * len(drawn)
    assert counters.weight_saturations == weight_saturations
    assert counters.saturations.tolist() == saturations.tolist()


@given(st.data())
def test_trace_equals_every_stage_of_the_reference(data):
    case = data.draw(cases())
    query = data.draw(queries(case))
    traces = device_of(case).trace(case.samples_raw, query)
    for number, sample in enumerate(case.samples_raw):
        lane = reference_lane(case, sample, case.program.sample_bases[-1])
        run_reference(case, lane, query)
        for trace in traces:
            pairs = zip(trace.addresses.tolist(), trace.values_raw[number].tolist(), strict=True)
            assert list(pairs) == lane.stage_outputs[trace.stage]


@given(st.data())
def test_a_query_may_start_on_what_earlier_ones_left(data):
    case = data.draw(cases())
    entry = data.draw(st.integers(0, len(case.program.stages) - 1))
    full = data.draw(queries(case))
    drawn = [full, replace(data.draw(queries(case)), entry=entry), full]
    outputs = list(device_of(case).evaluate(case.samples_raw, drawn))
    for number, sample in enumerate(case.samples_raw):
        lane = reference_lane(case, sample, 0)
        for index, query in enumerate(drawn):
            run_reference(case, lane, query)
            assert outputs[index].outputs_raw[number].tolist() == results_of(case, lane)


@given(st.data())
def test_blocks_of_samples_and_queries_change_nothing(data):
    case = data.draw(cases())
    drawn = data.draw(st.lists(queries(case), min_size=1, max_size=5))
    whole, small = device_of(case), device_of(case)
    small._value_bytes = MEMORY_BYTES // 3
    joined: dict[int, list[list[int]]] = {index: [] for index in range(len(drawn))}
    for item in small.evaluate(case.samples_raw, drawn):
        assert item.first_sample == len(joined[item.query])
        joined[item.query] += item.outputs_raw.tolist()
    for item in whole.evaluate(case.samples_raw, drawn):
        assert joined[item.query] == item.outputs_raw.tolist()
    assert small.read_counters().saturations.tolist() == whole.read_counters().saturations.tolist()
    assert small.read_counters().run_cycles == whole.read_counters().run_cycles


ENGINE = EngineParameters(lane_depth=65535, weight_depth=65535, result_depth=64)


def one_stage(stage: Stage, inputs: int, weights: int, biases: int = 0) -> Program:
    outputs = stage.output_count
    return Program((stage,), weights, biases, inputs, (0,), outputs, 0)


def dense_stage(inputs: int, outputs: int, **fields: object) -> Stage:
    return Stage(
        (1, 1, 1, 1, outputs, inputs),
        0,
        (0, 0, 0, 0, 0, 1),
        0,
        (0, 0, 0, 0, inputs, 1),
        0,
        (0, 0, 0, 0, 1),
        **{"shift": 0, "to_results": True, "sample_input": True} | fields,  # type: ignore[arg-type]
    )


def evaluate_one(
    engine: EngineParameters, program: Program, parameters: npt.ArrayLike, samples: np.ndarray
) -> Outputs:
    device = GoldenDevice(engine)
    device.load_program(program)
    device.write_parameters(np.asarray(parameters, dtype=np.int64))
    (item,) = device.evaluate(samples, [Query()])
    return item


def test_addresses_that_wrap_around_are_gathered():
    stage = Stage(
        (3, 1, 1, 1, 1, 2),
        2,
        (32767, 0, 0, 0, 0, 1),
        5,
        (32767, 0, 0, 0, 0, 40000),
        0,
        (1, 0, 0, 0, 0),
        shift=3,
        to_results=True,
        sample_input=True,
    )
    rng = np.random.default_rng(1)
    program = one_stage(stage, 50000, 50000)
    samples, weights = rng.integers(-900, 900, (2, 50000)), rng.integers(-900, 900, 50000)
    outputs = evaluate_one(ENGINE, program, weights, samples).outputs_raw
    for i, left in enumerate((0, 32767, 65534)):
        reads = [(2 + left + k) % 65536 for k in range(2)]
        taps = [(5 + left + 40000 * k) % 65536 for k in range(2)]
        exact = samples[:, reads] @ weights[taps]
        assert outputs[:, i].tolist() == ((exact + 4) >> 3).tolist()


@pytest.mark.parametrize("shift", [0, 1, 24, 56])
def test_sums_beyond_float64_are_exact(shift):
    engine = replace(ENGINE, activation=Format(24, 20), weight=Format(18, 14))
    stage = dense_stage(20000, 1, shift=shift)
    assert exact_bound(stage, engine) >= EXACT_LIMIT
    low_x, low_w = engine.activation.min_raw, engine.weight.min_raw
    samples = np.full((1, 20000), low_x)
    weights = np.full(20000, low_w)
    # Halfway but for the last bit, which float64 drops: rounding must still go down.
    samples[0, 0], weights[0] = engine.activation.max_raw, 1
    exact = sum(int(x) * int(w) for x, w in zip(samples[0], weights, strict=True))
    outputs = evaluate_one(engine, one_stage(stage, 20000, 20000), weights, samples).outputs_raw
    assert outputs[0, 0] == min(2**31 - 1, (exact + ((1 << shift) >> 1)) >> shift)


@pytest.mark.parametrize("shift", range(43))
def test_every_shift_rounds_half_up(shift):
    engine = replace(ENGINE, lane_depth=1024)
    assert engine.max_shift == 42
    stage = dense_stage(2, 1, shift=shift, use_bias=True, bias_shift=16)
    samples = np.array([[x, y] for x in (-32768, -3, 0, 1, 32767) for y in (-32768, -1, 2, 32767)])
    program = one_stage(stage, 2, 2, 1)
    outputs = evaluate_one(engine, program, [-32768, 32767, 12345], samples).outputs_raw[:, 0]
    exact = samples @ [-32768, 32767] + (12345 << 16)
    assert outputs.tolist() == [
        max(-(2**31), min(2**31 - 1, (int(e) + ((1 << shift) >> 1)) >> shift)) for e in exact
    ]


@pytest.mark.parametrize(
    ("value", "shift", "expected", "saturated"),
    [
        (127, 0, 127, 0),
        (128, 0, 127, 1),
        (-128, 0, -128, 0),
        (-129, 0, -128, 1),
        (254, 1, 127, 0),
        (255, 1, 127, 1),  # 127.5 rounds to 128
        (-257, 1, -128, 0),  # -128.5 rounds to -128
        (-258, 1, -128, 1),
    ],
)
def test_saturation_begins_one_step_beyond_the_format(value, shift, expected, saturated):
    engine = replace(ENGINE, activation=Format(8, 4), weight=Format(16, 4))
    first = replace(dense_stage(1, 1, to_results=False, shift=shift), output_base=5)
    copy = dense_stage(1, 1, unit_weight=True, sample_input=False)
    stages = with_waits([first, replace(copy, input_base=5)], engine)
    program = Program(stages, 1, 0, 1, (0,), 1, 0)
    device = GoldenDevice(engine)
    device.load_program(program)
    device.write_parameters(np.array([value]))
    (item,) = device.evaluate(np.array([[1]]), [Query()])
    assert item.outputs_raw.tolist() == [[expected]]
    assert device.read_counters().saturations.tolist() == [saturated, 0]


def test_unit_weights_sum_the_input():
    stage = dense_stage(4, 1, unit_weight=True, activation=Activation.RELU)
    samples = np.array([[1, 2, 3, 4], [-5, 1, 1, 1]])
    outputs = evaluate_one(ENGINE, one_stage(stage, 4, 1), [77], samples).outputs_raw
    assert outputs.tolist() == [[10], [0]]


def two_stages() -> Program:
    first = dense_stage(3, 3, to_results=False, shift=2)
    first = replace(first, output_base=3)
    second = replace(dense_stage(3, 2, sample_input=False, shift=1), input_base=3, weight_base=9)
    return Program(with_waits([first, second], ENGINE), 15, 0, 3, (0,), 2, 0)


def loaded() -> GoldenDevice:
    device = GoldenDevice(ENGINE)
    device.load_program(two_stages())
    device.write_parameters(np.arange(15))
    return device


SAMPLES = np.arange(6).reshape(2, 3)


def test_reading_words_that_nobody_wrote_is_an_error():
    with pytest.raises(UserError, match=r"stages 1\.\.2 read lane word 3, which nothing before"):
        loaded().evaluate(SAMPLES, [Query(entry=1)])


def test_an_earlier_query_must_have_written_the_word_that_is_read():
    first, last = two_stages().stages
    middle = replace(dense_stage(3, 3, to_results=False, sample_input=False), input_base=3)
    stages = [first, replace(middle, output_base=6), replace(last, input_base=6)]
    device = GoldenDevice(ENGINE)
    device.load_program(two_stages().with_stages(with_waits(stages, ENGINE)))
    device.write_parameters(np.arange(15))
    list(device.evaluate(SAMPLES, [Query(stop=1), Query(entry=1)]))
    with pytest.raises(UserError, match=r"stages 2\.\.3 read lane word 6"):
        device.evaluate(SAMPLES, [Query(stop=1), Query(entry=2)])


def test_writing_a_part_of_the_results_is_an_error():
    stages = list(two_stages().stages)
    stages[1] = replace(stages[1], counts=(1, 1, 1, 1, 1, 3))
    device = GoldenDevice(ENGINE)
    device.load_program(replace(two_stages(), stages=tuple(stages)))
    device.write_parameters(np.arange(15))
    with pytest.raises(UserError, match=r"stages 0\.\.2 write 1 of 2 results"):
        device.evaluate(SAMPLES, [Query()])


def test_a_range_without_results_gives_zeros():
    items = list(loaded().evaluate(SAMPLES, [Query(), Query(stop=1)]))
    assert items[0].outputs_raw.any()
    assert not items[1].outputs_raw.any()


def test_counters_of_a_range_are_those_of_its_stages():
    device = loaded()
    list(device.evaluate(SAMPLES, [Query(stop=1)]))
    counters = device.read_counters()
    assert counters.run_cycles == program_cycles(two_stages(), ENGINE, 0, 1)
    assert counters.mac_cycles == program_macs(two_stages(), 0, 1) == 9


def test_counters_stick_at_their_maximum_and_clear():
    device = loaded()
    device._counts = [COUNTER_MAX + 5] * 4
    device._saturations[0] = COUNTER_MAX + 1
    counters = device.read_counters()
    assert counters.run_cycles == counters.weight_saturations == COUNTER_MAX
    assert counters.saturations.tolist() == [COUNTER_MAX, 0]
    device.clear_counters()
    assert device.read_counters().run_cycles == 0


def test_evaluate_before_anything_is_loaded_is_an_error():
    device = GoldenDevice(ENGINE)
    with pytest.raises(UserError, match="no program is loaded"):
        device.evaluate(SAMPLES, [Query()])
    device.load_program(two_stages())
    with pytest.raises(UserError, match="no parameters are written"):
        device.evaluate(SAMPLES, [Query()])


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 4), dtype=np.int64), r"samples must have shape \(2, 3\), not \(2, 4\)"),
        (np.full((1, 3), 40000), "samples must be -32768 to 32767"),
    ],
)
def test_wrong_samples_are_errors(samples, message):
    with pytest.raises(UserError, match=message):
        loaded().evaluate(samples, [Query()])


def test_parameters_that_overflow_their_format_are_an_error():
    with pytest.raises(UserError, match=r"parameters must be -32768 to 32767 .* not 0 to 32768"):
        loaded().write_parameters(np.array([32768] + [0] * 14))


def test_no_sample_gives_no_output():
    assert list(loaded().evaluate(SAMPLES[:0], [Query()])) == []


def test_outputs_survive_the_next_evaluation():
    device = loaded()
    (before,) = device.evaluate(SAMPLES, [Query()])
    kept = before.outputs_raw.copy()
    list(device.evaluate(SAMPLES + 1, [Query()]))
    assert before.outputs_raw.tolist() == kept.tolist()
