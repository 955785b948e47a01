"""Compiled kernels against NumPy: outputs and counters, on every path that this machine has."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenzo.sw.device import Distribution, Query
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.kernels import native
from tenzo.sw.kernels.library import find_library
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.planner import plan
from tests.sw.kernels.agreement import PATHS, Agreement, run
from tests.sw.network_cases import DIGITS, LARGE_ENGINE, MNIST
from tests.sw.random_programs import cases, queries

ENGINE = replace(LARGE_ENGINE, lane_count=11)
PROGRAM = plan(DIGITS, ENGINE).program
WEIGHTS = ENGINE.weight.quantize(initial_vector(DIGITS, 1))


def samples(count: int, inputs: int = PROGRAM.input_count) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 1 << 13, (count, inputs))


def pairs(count: int) -> list[Query]:
    return [
        Query(sign=sign, seed=0x1234567 * seed, epsilon_raw=300)
        for seed in range(1, count + 1)
        for sign in (1, -1)
    ]


def test_kernels_are_built() -> None:
    assert "portable" in find_library().working


@settings(max_examples=60)
@given(st.data())
def test_arbitrary_loop_nests_agree(data):
    case = data.draw(cases())
    drawn = data.draw(st.lists(queries(case), min_size=1, max_size=4))
    Agreement(case.engine).check(case.program, case.parameters_raw, case.samples_raw, drawn)


@settings(max_examples=30)
@given(st.data())
def test_queries_on_what_earlier_ones_left_agree(data):
    case = data.draw(cases())
    entry = data.draw(st.integers(0, len(case.program.stages) - 1))
    full = data.draw(queries(case))
    drawn = [full, replace(data.draw(queries(case)), entry=entry), full]
    many = np.concatenate([case.samples_raw] * 33)
    Agreement(case.engine).check(case.program, case.parameters_raw, many, drawn)


@pytest.mark.parametrize("batch", [1, 3, 63, 65, 1000])
def test_odd_batches_agree(batch):
    Agreement(ENGINE).check(PROGRAM, WEIGHTS, samples(batch), pairs(3))


@pytest.mark.parametrize("shift", [11, 13, 16])
def test_a_wide_network_agrees_at_any_scale(shift):
    program = plan(MNIST, ENGINE).program
    program = program.with_stages([replace(stage, shift=shift) for stage in program.stages])
    weights = ENGINE.weight.quantize(initial_vector(MNIST, 2))
    Agreement(ENGINE).check(program, weights, samples(70, 784), pairs(2))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_change_no_bit(path, threads):
    Agreement(ENGINE, [path], threads).check(PROGRAM, WEIGHTS, samples(200), pairs(5))


@pytest.mark.parametrize(
    "distribution", [Distribution.RADEMACHER, Distribution.UNIFORM, Distribution.BINOMIAL]
)
def test_every_distribution_agrees(distribution):
    drawn = [
        Query(sign, seed, 20, distribution, bits, first, last)
        for bits in (range(1, 9) if distribution else [1])
        for sign, seed, first, last in [(1, 5, 0, None), (-1, 9, 3, 700), (1, 1, 826, 826)]
    ]
    _, counters = Agreement(ENGINE).check(PROGRAM, WEIGHTS, samples(5), drawn)
    assert counters.queries == len(drawn)


def test_calls_of_a_few_queries_and_samples_change_nothing(monkeypatch):
    expected, counters = Agreement(ENGINE, ()).check(PROGRAM, WEIGHTS, samples(300), pairs(9))
    monkeypatch.setattr(native, "OUTPUT_BYTES", 64 * 10 * 8 * 4)
    monkeypatch.setattr(native, "LEAST_SAMPLES", 64)
    device = GoldenDevice(ENGINE, "native")
    calls: list[tuple[int, int]] = []
    device.load_program(PROGRAM)
    device.write_parameters(WEIGHTS)
    for item in device.evaluate(samples(300), pairs(9)):
        last = item.first_sample + 64
        assert np.array_equal(item.outputs_raw, expected[item.query][item.first_sample : last])
        calls.append((item.first_sample, item.query))
    assert calls == [(first, query) for first in range(0, 300, 64) for query in range(18)]
    counted = device.read_counters()
    assert counted.run_cycles == counters.run_cycles
    assert counted.weight_saturations == counters.weight_saturations
    assert counted.saturations.tolist() == counters.saturations.tolist()


def test_queries_in_order_share_a_call(monkeypatch):
    monkeypatch.setattr(native, "OUTPUT_BYTES", 1)
    split = [Query(stop=2), Query(entry=2, stop=4), Query(entry=4)]
    Agreement(ENGINE).check(PROGRAM, WEIGHTS, samples(150), split * 3)


def test_queries_without_results_return_none():
    outputs, _ = Agreement(ENGINE).check(PROGRAM, WEIGHTS, samples(9), [Query(stop=1), Query()])
    assert [item.shape for item in outputs] == [(9, 0), (9, 10)]


def test_no_samples_and_no_queries_give_nothing():
    device = GoldenDevice(ENGINE, "native")
    device.load_program(PROGRAM)
    device.write_parameters(WEIGHTS)
    assert list(device.evaluate(samples(3)[:0], [Query()])) == []
    assert list(device.evaluate(samples(3), [])) == []


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint16, np.int64])
def test_samples_of_any_integers_in_any_order_are_taken(dtype):
    x = samples(20)
    expected, _ = Agreement(ENGINE).check(PROGRAM, WEIGHTS, x)
    for given_samples in (x.astype(dtype), np.asfortranarray(x.astype(dtype))):
        found, _ = run(GoldenDevice(ENGINE, "native"), PROGRAM, WEIGHTS, given_samples, [Query()])
        assert np.array_equal(found[0], expected[0])


def test_parameters_and_programs_replace_each_other():
    device, expected = GoldenDevice(ENGINE, "native"), GoldenDevice(ENGINE, "numpy")
    other = PROGRAM.with_stages([replace(stage, shift=9) for stage in PROGRAM.stages])
    for program in (PROGRAM, other, PROGRAM):
        for each in (device, expected):
            each.load_program(program)
        for weights in (WEIGHTS, -WEIGHTS):
            for each in (device, expected):
                each.write_parameters(weights)
            left, right = (
                next(each.evaluate(samples(4), [Query()])) for each in (device, expected)
            )
            assert left.outputs_raw.tolist() == right.outputs_raw.tolist()
        device.close()
        again = next(device.evaluate(samples(4), [Query()]))
        assert again.outputs_raw.tolist() == right.outputs_raw.tolist()


def digits_outputs(kernel: str = "native") -> list[list[int]]:
    outputs, _ = run(GoldenDevice(ENGINE, kernel), PROGRAM, WEIGHTS, samples(130), pairs(1))
    return [item.tolist() for item in outputs]


def test_devices_in_several_threads_do_not_disturb_each_other():
    expected = digits_outputs("numpy")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: digits_outputs(), range(24)))
    assert all(result == expected for result in results)


def test_a_forked_process_computes_the_same():
    device = GoldenDevice(ENGINE, "native", threads=2)
    device.load_program(PROGRAM)
    device.write_parameters(WEIGHTS)
    (before,) = device.evaluate(samples(130), [Query()])
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def child() -> None:
        (item,) = device.evaluate(samples(130), [Query()])
        queue.put(item.outputs_raw)

    process = context.Process(target=child)
    process.start()
    process.join(20)
    alive = process.is_alive()
    process.kill()
    assert not alive, "the child waits for threads that it does not have"
    assert np.array_equal(queue.get(), before.outputs_raw)
    (after,) = device.evaluate(samples(130), [Query()])
    assert np.array_equal(after.outputs_raw, before.outputs_raw)
