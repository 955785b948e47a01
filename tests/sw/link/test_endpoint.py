import numpy as np
import pytest

from tenzo.sw.link.core_model import CoreModel
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.packets import (
    COUNTER_WORDS,
    LAYOUTS,
    NAK_OPCODE,
    RESPONSE_BIT,
    NakCode,
    Opcode,
    Packet,
    decode_packet,
    encode_packet,
    pack_values,
)
from tenzo.sw.program import Stage
from tenzo.sw.timing import ISSUE_TO_WRITE
from tests import packet_limits
from tests.packet_scripts import SMALL_ENGINES, PacketScript

ENGINE = SMALL_ENGINES["8/8"]


class Host:
    """Numbers packets and decodes responses."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(ENGINE)
        self.sequence = 0

    def ask(self, opcode: Opcode, data: list[int] | None = None, /, **fields: int) -> Packet:
        payload = [*LAYOUTS[opcode].pack(**fields), *(data or [])]
        self.sequence += 1
        packet = encode_packet(opcode, self.sequence, payload)
        response = decode_packet(self.endpoint.exchange(packet))
        assert isinstance(response, Packet)
        assert response.sequence == self.sequence
        return response

    def do(
        self, opcode: Opcode, data: list[int] | None = None, /, **fields: int
    ) -> tuple[int, ...]:
        response = self.ask(opcode, data, **fields)
        assert response.opcode == opcode | RESPONSE_BIT, NakCode(response.payload[0])
        return response.payload


def doubling_stage() -> Stage:
    """Return a stage that multiplies two samples by weight 0 and adds bias 0."""
    return Stage(
        counts=(1, 1, 1, 1, 2, 1),
        input_base=0,
        input_strides=(0, 0, 0, 0, 1, 0),
        weight_base=0,
        weight_strides=(0, 0, 0, 0, 0, 0),
        output_base=0,
        output_strides=(0, 0, 0, 0, 1),
        shift=0,
        bias_shift=1,
        use_bias=True,
        to_results=True,
        sample_input=True,
    )


def loaded() -> Host:
    host = Host()
    host.do(Opcode.CONFIGURE, weight_count=1, bias_count=1, stage_count=1)
    host.do(Opcode.WRITE_PROGRAM, list(doubling_stage().encode()), address=0, complete=1)
    two, five = (pack_values([value], 8) for value in (2, 5))
    host.do(Opcode.WRITE_PARAMETERS, two, address=0, bias=0, complete=0, count=1)
    host.do(Opcode.WRITE_PARAMETERS, five, address=0, bias=1, complete=1, count=1)
    for lane, values in enumerate(([3, -4], [100, 0], [-128, 127])):
        data = pack_values(values, 8)
        host.do(Opcode.WRITE_SAMPLES, data, lane=lane, address=0, count=2, complete=1)
    return host


QUERY = {
    **dict.fromkeys((field.name for field in LAYOUTS[Opcode.QUERY].fields), 0),
    "bits": 1,
    "seed": 1,
    "last": 2,
    "stop": 1,
    "active_lanes": 3,
}
READ = {"first_lane": 0, "lane_count": 3, "first_output": 0, "output_count": 2, "release": 1}


def results(payload: tuple[int, ...]) -> list[int]:
    return np.array(payload, dtype=np.uint32).astype(np.int32).tolist()


def test_unperturbed_query_computes_the_stage() -> None:
    host = loaded()
    host.do(Opcode.QUERY, **QUERY)
    assert results(host.do(Opcode.READ_RESULTS, **READ)) == [16, 2, 210, 10, -246, 264]


def test_perturbation_moves_weight_and_bias_by_the_first_two_bits() -> None:
    # Seed 1 gives the bits 1, 1: the register is 1, then the taps, whose lowest bit is 1.
    host = loaded()
    host.do(Opcode.QUERY, **{**QUERY, "sign": 1, "epsilon_raw": 1})
    assert results(host.do(Opcode.READ_RESULTS, **READ))[:2] == [3 * 3 + 12, -4 * 3 + 12]
    host.do(Opcode.QUERY, **{**QUERY, "sign": 2, "epsilon_raw": 1})
    assert results(host.do(Opcode.READ_RESULTS, **READ))[:2] == [3 + 8, -4 + 8]


def test_counters_count_runs_and_terms() -> None:
    host = loaded()
    for _ in range(2):
        host.do(Opcode.QUERY, **QUERY)
        host.do(Opcode.READ_RESULTS, **READ)
    counters = dict(zip(COUNTER_WORDS, host.do(Opcode.READ_COUNTERS), strict=True))
    sharing = ENGINE.requantizer_sharing
    run = 2 * sharing + ISSUE_TO_WRITE + sharing - 1
    assert counters["queries"] == 2
    assert counters["mac_cycles"] == 2 * 2
    assert counters["run_cycles"] == 2 * run


def test_clear_sets_every_counter_to_zero() -> None:
    host = loaded()
    host.do(Opcode.QUERY, **QUERY)
    host.do(Opcode.READ_RESULTS, **READ)
    host.do(Opcode.CLEAR_COUNTERS)
    assert set(host.do(Opcode.READ_COUNTERS)) == {0}
    assert set(host.do(Opcode.READ_SATURATIONS, first=0, count=4)) == {0}


def test_saturated_weights_are_counted() -> None:
    host = loaded()
    host.do(Opcode.QUERY, **{**QUERY, "sign": 1, "epsilon_raw": 127})
    host.do(Opcode.READ_RESULTS, **READ)
    assert host.do(Opcode.READ_COUNTERS)[COUNTER_WORDS.index("weight_saturations")] == 2


def test_results_of_queries_come_in_order() -> None:
    host = loaded()
    for seed in (1, 2, 3):
        host.do(Opcode.QUERY, **{**QUERY, "seed": seed, "sign": 1, "epsilon_raw": seed * 10})
    alone = []
    for seed in (1, 2, 3):
        other = loaded()
        other.do(Opcode.QUERY, **{**QUERY, "seed": seed, "sign": 1, "epsilon_raw": seed * 10})
        alone.append(other.do(Opcode.READ_RESULTS, **READ))
    assert [host.do(Opcode.READ_RESULTS, **READ) for _ in range(3)] == alone


def test_read_without_release_can_be_read_again() -> None:
    host = loaded()
    host.do(Opcode.QUERY, **QUERY)
    first = host.do(Opcode.READ_RESULTS, **{**READ, "release": 0})
    assert host.do(Opcode.READ_RESULTS, **READ) == first
    assert host.ask(Opcode.READ_RESULTS, **READ).payload == (NakCode.EMPTY,)


def test_nothing_comes_back_for_no_words() -> None:
    assert Endpoint(ENGINE).exchange([]) == []


def test_damaged_packet_is_refused_and_the_next_one_works() -> None:
    endpoint = Endpoint(ENGINE)
    good = encode_packet(Opcode.READ_COUNTERS, 3)
    assert endpoint.exchange([*good[:-1], 0]) == encode_packet(NAK_OPCODE, 3, [NakCode.CRC])
    assert endpoint.exchange(good)[0] & 0xFF == Opcode.READ_COUNTERS | RESPONSE_BIT


def test_configuring_makes_everything_invalid() -> None:
    host = loaded()
    host.do(Opcode.CONFIGURE, weight_count=1, bias_count=1, stage_count=1)
    assert host.ask(Opcode.QUERY, **QUERY).payload == (NakCode.NOT_READY,)


@pytest.mark.parametrize("name", list(SMALL_ENGINES))
def test_random_packets_always_get_one_wellformed_response(name: str) -> None:
    endpoint = Endpoint(SMALL_ENGINES[name])
    for packet in PacketScript(SMALL_ENGINES[name], 11).session(1000):
        response = decode_packet(endpoint.exchange(packet))
        assert isinstance(response, Packet), packet
        assert response.sequence == packet[0] >> 8 & 0xFF


def test_every_limit_is_where_the_documents_say() -> None:
    for case in packet_limits.limit_cases():
        endpoint = Endpoint(packet_limits.ENGINE)
        for packet in packet_limits.preparation(case):
            assert endpoint.exchange(packet)[0] & 0xFF != NAK_OPCODE
        response = endpoint.exchange(encode_packet(case.opcode, 99, case.payload))
        code = response[1] if response[0] & 0xFF == NAK_OPCODE else 0
        assert code == case.code, case


def test_refused_packet_changes_no_memory() -> None:
    for seed in range(5):
        endpoint = Endpoint(ENGINE)
        for packet in PacketScript(ENGINE, seed).session(200):
            before = _state(endpoint.core)
            if endpoint.exchange(packet)[0] & 0xFF == NAK_OPCODE:
                assert _state(endpoint.core) == before, f"seed {seed}: {packet}"


def _state(core: CoreModel) -> tuple[object, ...]:
    return (
        tuple(core.program),
        core.weights.tobytes(),
        core.biases.tobytes(),
        core.lanes.tobytes(),
        tuple(core.counters.values()),
        tuple(core.saturations),
    )
