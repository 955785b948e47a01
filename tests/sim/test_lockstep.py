"""The lockstep on faulty Python models: every kind of fault is found and placed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from tenzo.sim.lockstep import Lockstep, with_short_shifts
from tenzo.sim.verdict import Difference, Verdict
from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.data.samples import Samples, load_samples
from tenzo.sw.device import Device, Distribution, Query
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.packet_device import PacketDevice
from tests.sim.endpoint_device import endpoint_device, faulty_device

Fault = Callable[[Endpoint, Mapping[str, int]], None]


@cache
def digits(*overrides: str) -> tuple[Config, Samples]:
    few = ["training.batch=9", "training.calibration_samples=16"]
    config = load_config("digits", [*few, *overrides])
    return config, load_samples(config)


COORDINATES = ("training.estimator=cge", "training.coordinates=60")


def lockstep(other: Device, saturating: bool = False, overrides: Sequence[str] = ()) -> Lockstep:
    config, samples = digits(*overrides)
    return Lockstep(config, samples, GoldenDevice(config.engine()), other, saturating)


def difference_with(fault: Fault, steps: int = 2, overrides: Sequence[str] = ()) -> Difference:
    device = faulty_device(digits()[0].engine(), fault)
    difference = lockstep(device, overrides=overrides).run(steps).difference
    assert difference is not None
    return difference


def test_equal_devices_pass_and_everything_is_counted() -> None:
    seen: list[int] = []
    verdict = lockstep(endpoint_device(digits()[0].engine())).run(
        2, lambda verdict: seen.append(verdict.steps)
    )
    assert verdict.passed
    assert seen == [1, 2]
    assert (verdict.steps, verdict.queries, verdict.outputs) == (2, 9, 9 * 9 * 10)
    assert verdict.weights == 4 * 826
    assert verdict.mac_cycles / verdict.run_cycles > 0.95


def test_coordinates_run_as_slices_and_their_cycles_count() -> None:
    device = endpoint_device(digits()[0].engine())
    verdict = lockstep(device, overrides=COORDINATES).run(2)
    assert verdict.passed
    assert verdict.queries == 1 + 2 * 61
    assert verdict.outputs == verdict.queries * 9 * 10
    assert verdict.weights == 2 * 826 + 3 * 826
    whole = verdict.queries * 2 * 7840
    assert verdict.mac_cycles < 0.3 * whole
    assert verdict.run_cycles > verdict.mac_cycles


def test_fault_in_a_slice_alone_is_found() -> None:
    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        if query["entry"] and query["stop"] - query["entry"] > 2:
            endpoint.core.lanes[2] += 16

    difference = difference_with(fault, overrides=COORDINATES)
    assert (difference.kind, difference.step, difference.stage) == ("output", 1, None)
    assert difference.sample == 2
    assert difference.note.startswith("the whole network, replayed, gives equal values")


def test_random_perturbation_is_read_back_where_training_draws_none() -> None:
    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        drawn = query["sign"] and query["distribution"] != Distribution.ONE_HOT
        endpoint.core.weights[5] ^= 1 if drawn else 0

    difference = difference_with(fault, overrides=COORDINATES)
    assert (difference.kind, difference.address) == ("weight", 5)
    assert difference.note == "read back from the engine, perturbed"


def test_verdict_survives_its_document() -> None:
    difference = Difference("output", 3, 1, 2, "lane memory", 77, 5, -1, 4, "note")
    verdict = Verdict(3, 12, 100, 10, 20, 5, 4, difference)
    assert Verdict.from_document(verdict.document()) == verdict
    assert "step 3, query 1, stage 2, lane memory address 77, sample 5" in verdict.sentence()
    assert verdict.document()["passed"] is False


def test_verdict_of_no_cycles_is_a_sentence() -> None:
    assert Verdict().sentence().endswith("no difference; 0 cycles")


@pytest.mark.parametrize(("weight", "stage"), [(3, 0), (100, 1), (350, 2), (390, 3), (750, 5)])
def test_wrong_weight_is_placed_in_the_stage_that_uses_it(weight: int, stage: int) -> None:
    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        endpoint.core.weights[weight] = -32768

    difference = difference_with(fault)
    assert (difference.kind, difference.step, difference.query) == ("output", 0, 0)
    assert difference.stage == stage
    assert difference.memory == ("result" if stage == 5 else "lane memory")


def test_wrong_word_of_memory_is_placed_at_its_address() -> None:
    config, _ = digits()
    program = lockstep(endpoint_device(config.engine())).trainers[0].plan.program
    stage = program.stages[2]

    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        compute = endpoint.core._compute

        def wrong(ran: Any, *rest: Any) -> Any:
            outputs, saturated = compute(ran, *rest)
            if ran.output_base == stage.output_base and ran.counts == stage.counts:
                outputs = outputs.copy()
                outputs.reshape(len(outputs), -1)[4, 0] += 1
            return outputs, saturated

        setattr(endpoint.core, "_compute", wrong)  # noqa: B010

    difference = difference_with(fault)
    assert (difference.stage, difference.address) == (2, stage.output_base)
    assert difference.sample == 4


def test_wrong_later_query_is_numbered() -> None:
    seeds: dict[int, None] = {}
    good: list[int] = []

    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        good[:] = good or [endpoint.core.weights[3]]
        if query["sign"]:
            seeds[query["seed"]] = None
        wrong = list(seeds)[1:2] == [query["seed"]]
        endpoint.core.weights[3] = -32768 if wrong else good[0]

    difference = difference_with(fault)
    assert (difference.step, difference.query, difference.stage) == (1, 2, 0)


def test_fault_that_does_not_come_back_is_reported_without_a_stage() -> None:
    runs = [0]

    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        runs[0] += 1
        endpoint.core.weights[3] ^= 4096 if runs[0] in (5, 6) else 0

    difference = difference_with(fault)
    assert (difference.step, difference.stage) == (1, None)
    assert "replayed, gives equal values" in difference.note


def test_wrong_counter_is_named() -> None:
    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        endpoint.core.counters["run_cycles"] += 1

    difference = difference_with(fault)
    assert (difference.kind, difference.step) == ("counter", 1)
    assert difference.note.startswith("run_cycles: expected")


def test_wrong_saturation_count_names_its_stage() -> None:
    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        endpoint.core.saturations[4] += 1

    difference = difference_with(fault)
    assert (difference.kind, difference.stage) == ("counter", 4)
    assert difference.memory == "saturation counter"


@pytest.mark.parametrize("address", [0, 500, 751, 752, 825])
def test_parameter_that_no_output_shows_is_read_back(address: int) -> None:
    config, _ = digits()
    wrong: list[int] = []

    def fault(endpoint: Endpoint, query: Mapping[str, int]) -> None:
        core = endpoint.core
        bank, word = (core.weights, address) if address < 752 else (core.biases, address - 752)
        reads_back = query["stop"] - query["entry"] == 1
        if reads_back and bank[word] not in wrong:
            bank[word] ^= 1
            wrong[:] = [bank[word]]

    pair = lockstep(faulty_device(config.engine(), fault))
    difference = pair.run(1).difference
    assert difference is not None
    assert (difference.kind, difference.memory) == ("weight", "weight")
    assert difference.address == address
    assert difference.note == "read back from the engine"


def test_saturating_stimulus_saturates_on_both() -> None:
    engine = digits()[0].engine()
    pair = lockstep(endpoint_device(engine), saturating=True)
    assert pair.run(1).passed
    for recorder in pair.recorders:
        assert recorder.read_counters().saturations[:-1].sum() > 0


def test_stimulus_that_does_not_saturate_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenzo.sim.lockstep._EXCESS_BITS", 0)
    pair = lockstep(endpoint_device(digits()[0].engine()), saturating=True)
    with pytest.raises(RuntimeError, match="the stimulus must saturate"):
        pair.run(1)


def test_short_shifts_leave_results_alone() -> None:
    program = lockstep(endpoint_device(digits()[0].engine())).trainers[0].plan.program
    altered = with_short_shifts(program)
    assert altered.stages[-1] == program.stages[-1]
    assert all(a.shift < b.shift for a, b in zip(altered, program, strict=True) if not b.to_results)


def test_device_can_be_used_after_a_lockstep() -> None:
    config, _ = digits()
    device = endpoint_device(config.engine())
    assert isinstance(device, PacketDevice)
    pair = lockstep(device)
    pair.run(1)
    samples = np.zeros((9, 64), np.int64)
    assert len(list(pair.recorders[1].evaluate(samples, [Query()]))) == 2
