"""Golden model against the reference interpreter, which moves one address step at a time."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.device import Query
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.golden.numpy_kernel import NumpyKernel
from tenzo.sw.golden.reference import Lane
from tenzo.sw.perturbation import perturb
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
    whole, small = device_of(case), GoldenDevice(case.engine)
    small.kernel = NumpyKernel(
        case.engine, memory_bytes=data.draw(st.sampled_from([1, 10_000, 100_000]))
    )
    small.load_program(case.program)
    small.write_parameters(case.parameters_raw)
    joined: dict[int, list[list[int]]] = {index: [] for index in range(len(drawn))}
    for item in small.evaluate(case.samples_raw, drawn):
        assert item.first_sample == len(joined[item.query])
        joined[item.query] += item.outputs_raw.tolist()
    for item in whole.evaluate(case.samples_raw, drawn):
        assert joined[item.query] == item.outputs_raw.tolist()
    assert small.read_counters().saturations.tolist() == whole.read_counters().saturations.tolist()
    assert small.read_counters().run_cycles == whole.read_counters().run_cycles
