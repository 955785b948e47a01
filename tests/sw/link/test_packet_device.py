"""The packet device over the Python model of an engine, against the golden model."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenzo.sim.fixed_cases import plain_case
from tenzo.sim.random_cases import Case, cases
from tenzo.sim.random_check import CaseChecker
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import DeviceError, LostDeviceError, UserError
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.packets import (
    LAYOUTS,
    MAX_OUTSTANDING_QUERIES,
    NAK_OPCODE,
    NakCode,
    Opcode,
    encode_packet,
)
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.program import Program
from tests.sim.endpoint_device import EndpointTransport

ENGINE = EngineParameters()


class OneAnswer:
    """Gives the same answer to every packet."""

    def __init__(self, answer: list[int]) -> None:
        self.answer = answer

    def exchange(self, requests: Iterable[list[int]]) -> Iterator[list[int]]:
        for _ in requests:
            yield self.answer

    def allow(self, cycles: int) -> None:
        pass

    def close(self) -> None:
        pass


def opcodes_of(transport: EndpointTransport) -> list[Opcode]:
    return [Opcode(packet[0] & 0xFF) for packet in transport.sent]


def dense_program(inputs: int, outputs: int, engine: EngineParameters = ENGINE) -> Program:
    return plan(Network((Layer(inputs, outputs, Dense(), True),)), engine).program


def loaded(
    program: Program, engine: EngineParameters = ENGINE
) -> tuple[PacketDevice, EndpointTransport]:
    transport = EndpointTransport(engine)
    device = PacketDevice(engine, transport)
    device.load_program(program)
    device.write_parameters(np.arange(program.parameter_count))
    transport.sent.clear()
    return device, transport


@pytest.mark.parametrize("name", RANDOM_ENGINES)
def test_packets_and_golden_model_agree(name: str) -> None:
    engine = RANDOM_ENGINES[name]
    device = PacketDevice(engine, EndpointTransport(engine))
    checker = CaseChecker(engine, GoldenDevice(engine), device)

    @settings(max_examples=10, database=None, suppress_health_check=list(HealthCheck))
    @given(cases(engine))
    def agree(case: Case) -> None:
        checker.check(case)

    checker.check(plain_case(engine))
    agree()


@given(st.integers(1, 30), st.integers(1, 5))
def test_every_sample_of_every_query_comes_once(samples: int, queries: int) -> None:
    device, _ = loaded(dense_program(4, 2))
    raw = np.zeros((samples, 4), np.int64)
    seen = [
        (item.query, item.first_sample + row)
        for item in device.evaluate(raw, [Query()] * queries)
        for row in range(len(item.outputs_raw))
    ]
    assert sorted(seen) == [
        (query, sample) for query in range(queries) for sample in range(samples)
    ]


def test_three_queries_are_queued_before_the_first_result_is_read() -> None:
    device, transport = loaded(dense_program(4, 2))
    list(device.evaluate(np.zeros((8, 4), np.int64), [Query()] * 5))
    opcodes = opcodes_of(transport)
    first_read = opcodes.index(Opcode.READ_RESULTS)
    assert opcodes[:first_read].count(Opcode.QUERY) == MAX_OUTSTANDING_QUERIES


def test_the_next_wave_is_loaded_while_queries_run() -> None:
    program = dense_program(4, 2)
    assert len(program.sample_bases) == 2
    device, transport = loaded(program)
    list(device.evaluate(np.zeros((16, 4), np.int64), [Query()]))
    opcodes = opcodes_of(transport)
    last_load = len(opcodes) - 1 - opcodes[::-1].index(Opcode.WRITE_SAMPLES)
    assert last_load < opcodes.index(Opcode.READ_RESULTS)


def test_one_sample_region_is_reused_only_after_its_queries() -> None:
    program = dense_program(4, 2)
    program = dataclasses.replace(program, sample_bases=program.sample_bases[:1])
    device, _transport = loaded(program)
    samples = np.arange(96).reshape(24, 4)
    got = np.concatenate([item.outputs_raw for item in device.evaluate(samples, [Query()])])
    golden = GoldenDevice(ENGINE)
    golden.load_program(program)
    golden.write_parameters(np.arange(program.parameter_count))
    expected = np.concatenate([i.outputs_raw for i in golden.evaluate(samples, [Query()])])
    assert np.array_equal(got, expected)


def test_more_than_256_results_are_read_in_blocks() -> None:
    engine = dataclasses.replace(ENGINE, result_depth=300, bias_depth=512, lane_count=2)
    program = dense_program(1, 300, engine)
    device, transport = loaded(program, engine)
    items = list(device.evaluate(np.full((2, 1), 1 << 13), [Query()]))
    assert items[0].outputs_raw.shape == (2, 300)
    assert opcodes_of(transport).count(Opcode.READ_RESULTS) == 4


def test_stages_without_results_have_no_outputs_and_one_word_is_read() -> None:
    program = plan(Network((Layer(4, 3, Dense()), Layer(3, 2, Dense()))), ENGINE).program
    device, transport = loaded(program)
    items = list(device.evaluate(np.ones((8, 4), np.int64), [Query(), Query(stop=1)]))
    assert [item.outputs_raw.shape for item in items] == [(8, 2), (8, 0)]
    reads = [packet for packet in transport.sent if packet[0] & 0xFF == Opcode.READ_RESULTS]
    fields = [LAYOUTS[Opcode.READ_RESULTS].unpack(packet[1:]) for packet in reads]
    assert [(f["lane_count"], f["output_count"], f["release"]) for f in fields] == [
        (8, 2, 1),
        (1, 1, 1),
    ]


def test_stopping_early_leaves_no_query_behind() -> None:
    device, transport = loaded(dense_program(4, 2))
    results = device.evaluate(np.zeros((80, 4), np.int64), [Query()] * 4)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert opcodes_of(transport).count(Opcode.QUERY) <= MAX_OUTSTANDING_QUERIES + 1
    assert device.read_counters().queries > 0


def test_sequence_numbers_never_return_to_zero() -> None:
    transport = EndpointTransport(ENGINE)
    device = PacketDevice(ENGINE, transport)
    for _ in range(300):
        device.clear_counters()
    numbers = [packet[0] >> 8 & 0xFF for packet in transport.sent]
    assert numbers[:3] == [0, 1, 2]
    assert set(numbers[1:]) == set(range(1, 256))
    assert all(a != b for a, b in itertools.pairwise(numbers))


def test_the_transport_learns_how_long_a_program_takes() -> None:
    program = dense_program(4, 2)
    _, transport = loaded(program)
    cycles = program_cycles(program, ENGINE) + ENGINE.max_bits * program.parameter_count
    assert transport.allowed_cycles == MAX_OUTSTANDING_QUERIES * cycles


def test_queries_that_an_earlier_host_left_are_released() -> None:
    program = dense_program(4, 2)
    device, transport = loaded(program)
    list(device.evaluate(np.zeros((1, 4), np.int64), [Query()] * MAX_OUTSTANDING_QUERIES))
    queries = [packet for packet in transport.sent if packet[0] & 0xFF == Opcode.QUERY]
    assert len(queries) == MAX_OUTSTANDING_QUERIES
    for number, packet in enumerate(queries):
        transport.endpoint.exchange(encode_packet(Opcode.QUERY, 200 + number, packet[1:-1]))
    PacketDevice(ENGINE, transport).load_program(program)


def test_another_engine_is_refused() -> None:
    other = dataclasses.replace(ENGINE, lane_count=4)
    with pytest.raises(UserError, match=r"lane_count is 4, not 8 \(digest 0x.*, not 0x"):
        PacketDevice(ENGINE, EndpointTransport(other))


def test_something_that_is_no_engine_is_refused() -> None:
    answer = encode_packet(0x81, 0, [1, 2, 3])
    with pytest.raises(UserError, match="no Tenzo engine answers"):
        PacketDevice(ENGINE, OneAnswer(answer))


def test_another_protocol_version_is_refused() -> None:
    identity = Endpoint(ENGINE).exchange(encode_packet(Opcode.IDENTIFY, 0))[1:-1]
    identity[1] = 99
    with pytest.raises(UserError, match="protocol version 99"):
        PacketDevice(ENGINE, OneAnswer(encode_packet(0x81, 0, identity)))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (encode_packet(NAK_OPCODE, 0, [NakCode.BUSY]), "refused IDENTIFY: BUSY"),
        (encode_packet(NAK_OPCODE, 0, [99]), "refused IDENTIFY without a reason that is known"),
        (encode_packet(NAK_OPCODE, 0, []), "refused IDENTIFY without a reason that is known"),
        (encode_packet(0x81, 7, []), "sequence number 7, not 0"),
        (encode_packet(0x82, 0, []), "has opcode 0x82"),
        ([1, 2, 3], "is damaged: CRC"),
    ],
)
def test_a_wrong_answer_is_named(answer: list[int], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        PacketDevice(ENGINE, OneAnswer(answer))


def test_a_query_before_parameters_is_refused() -> None:
    device = PacketDevice(ENGINE, EndpointTransport(ENGINE))
    device.load_program(dense_program(4, 2))
    with pytest.raises(UserError, match="refused QUERY: NOT_READY"):
        list(device.evaluate(np.zeros((1, 4), np.int64), [Query()]))


@pytest.mark.parametrize(
    ("opcode", "message"),
    [
        (Opcode.WRITE_PARAMETERS, "refused WRITE_PARAMETERS"),
        (Opcode.WRITE_PROGRAM, "refused WRITE_PROGRAM"),  # a sweep had put its own in
        (Opcode.QUERY, "refused QUERY"),
        (Opcode.READ_RESULTS, "refused READ_RESULTS"),
        (Opcode.READ_SATURATIONS, "it counts 0 of 1 queries"),  # the engine answers with zeros
        (Opcode.READ_COUNTERS, "it counts 0 of 1 queries"),
    ],
)
def test_an_engine_that_was_reset_in_between_is_lost(opcode: Opcode, message: str) -> None:
    program = dense_program(4, 2)
    device, transport = loaded(program)
    samples = np.zeros((1, 4), np.int64)
    list(device.evaluate_coordinates(samples, [Coordinate(0, 1)]))
    old = transport.endpoint
    exchange = old.exchange

    def reset_before(words: Sequence[int]) -> list[int]:
        if words[0] & 0xFF == opcode:
            transport.endpoint = Endpoint(ENGINE)
        return (exchange if transport.endpoint is old else transport.endpoint.exchange)(words)

    old.exchange = reset_before  # type: ignore[method-assign]
    with pytest.raises(LostDeviceError, match=f"reset in between: .*{message}"):
        make_step(device, program, samples)


def make_step(device: PacketDevice, program: Program, samples: npt.NDArray[np.int64]) -> None:
    device.write_parameters(np.zeros(program.parameter_count, np.int64))
    list(device.evaluate(samples, [Query()]))
    device.read_counters()


def test_counts_of_an_earlier_host_do_not_count() -> None:
    program = dense_program(4, 2)
    device, transport = loaded(program)
    make_step(device, program, np.zeros((3, 4), np.int64))
    assert device.read_counters().queries
    other = PacketDevice(ENGINE, transport)
    other.load_program(program)
    assert other.read_counters().queries == 0


def test_a_device_works_after_a_refusal() -> None:
    program = dense_program(4, 2)
    device = PacketDevice(ENGINE, EndpointTransport(ENGINE))
    device.load_program(program)
    with pytest.raises(UserError):
        list(device.evaluate(np.zeros((1, 4), np.int64), [Query()]))
    device.write_parameters(np.zeros(program.parameter_count, np.int64))
    assert len(list(device.evaluate(np.zeros((1, 4), np.int64), [Query()]))) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bias_shift": 31}, r"stage 0: bias_shift must be at most \d+ on this engine, not 31"),
        ({"counts": (1, 1, 1, 1, 2, 9999)}, r"stage 0: terms must be at most \d+ .* not 9999"),
    ],
)
def test_a_program_that_exceeds_the_engine_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    program = dense_program(4, 2)
    stage = dataclasses.replace(program.stages[0], **changes)
    device, transport = loaded(program)
    with pytest.raises(UserError, match=message):
        device.load_program(program.with_stages([stage]))
    assert not transport.sent


def test_a_query_that_exceeds_the_engine_is_refused_before_it_is_sent() -> None:
    device, transport = loaded(dense_program(4, 2))
    with pytest.raises(UserError, match="seed"):
        list(device.evaluate(np.zeros((1, 4), np.int64), [Query(seed=1 << 40)]))
    assert not transport.sent


@pytest.mark.parametrize("value", [1 << 15, -(1 << 15) - 1])
def test_values_outside_their_format_are_refused(value: int) -> None:
    device, _ = loaded(dense_program(4, 2))
    with pytest.raises(UserError, match=f"not {value}"):
        device.write_parameters(np.full(10, value))
    with pytest.raises(UserError, match=f"not {value}"):
        list(device.evaluate(np.full((1, 4), value), [Query()]))


def test_arrays_of_another_shape_are_refused() -> None:
    device, _ = loaded(dense_program(4, 2))
    with pytest.raises(UserError, match=r"shape \(10,\), not \(9,\)"):
        device.write_parameters(np.zeros(9, np.int64))
    with pytest.raises(UserError, match=r"shape \(samples, 4\), not \(1, 5\)"):
        list(device.evaluate(np.zeros((1, 5), np.int64), [Query()]))
