"""Sweeps behind packets: bits of the golden model, cycles of the plan, counters apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sim.random_sweeps import SweepCase, check_sweep, sweep_cases
from tenzo.sw.device import Device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.packets import Opcode
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.sweep_program import SweepProgram
from tenzo.sw.program import Program
from tenzo.sw.training.coordinates import coordinate_outputs
from tests.sim.endpoint_device import EndpointTransport, endpoint_device
from tests.sw.network_cases import DIGITS

ENGINE = EngineParameters()
SAMPLES = np.random.default_rng(1).integers(0, 1 << 13, (11, 64))
SOME = [Coordinate(address, 200) for address in range(0, 826, 9)]


def loaded(device: PacketDevice | GoldenDevice) -> Program:
    program = plan(DIGITS, device.engine).program
    device.load_program(program)
    device.write_parameters(device.engine.weight.quantize(initial_vector(DIGITS, 1)))
    return program


def outputs(device: Device, coordinates: list[Coordinate]) -> np.ndarray:
    parts = coordinate_outputs(device, SAMPLES, coordinates)
    return np.concatenate([part.outputs_raw for part in parts])


@pytest.mark.parametrize("name", RANDOM_ENGINES)
def test_random_networks_agree(name: str) -> None:
    engine = RANDOM_ENGINES[name]
    device = endpoint_device(engine)
    goldens = GoldenDevice(engine), GoldenDevice(engine, "native")

    @settings(
        max_examples=6,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(sweep_cases(engine))
    def agree(case: SweepCase) -> None:
        for golden in goldens:
            check_sweep(case, golden, device)

    agree()


def test_all_coordinates_of_digits_are_those_of_the_compiled_sweep() -> None:
    golden, device = GoldenDevice(ENGINE, "native"), endpoint_device(ENGINE)
    program = loaded(golden)
    loaded(device)
    everything = [Coordinate(address, -77) for address in range(826)]
    assert np.array_equal(outputs(golden, everything), outputs(device, everything))
    planned = plan(DIGITS, ENGINE).engine_sweep
    assert device.coordinate_counters.mac_cycles == 2 * (program.macs + planned.macs)


def test_an_engine_without_room_runs_whole_networks() -> None:
    engine = dataclasses.replace(ENGINE, lane_depth=700)
    golden, device = GoldenDevice(engine), endpoint_device(engine)
    program = loaded(golden)
    loaded(device)
    assert np.array_equal(outputs(golden, SOME), outputs(device, SOME))
    assert device.coordinate_counters.mac_cycles == 2 * len(SOME) * program.macs
    assert device.read_counters().mac_cycles == 0
    assert not device.read_counters().saturations.any()


def test_parameters_and_program_are_written_once() -> None:
    transport = EndpointTransport(ENGINE)
    device = PacketDevice(ENGINE, transport)
    program = loaded(device)
    chapters = SweepProgram(program, ENGINE).chapters
    transport.sent.clear()
    outputs(device, SOME[:5])
    opcodes = [packet[0] & 0xFF for packet in transport.sent]
    assert not {Opcode.CONFIGURE, Opcode.WRITE_PARAMETERS} & set(opcodes)
    everything = dataclasses.replace(ENGINE, stage_slots=255)
    assert len(chapters) > len(SweepProgram(program, everything).chapters) > 1


def test_clearing_clears_the_counters_of_coordinates() -> None:
    device = endpoint_device(ENGINE)
    loaded(device)
    outputs(device, SOME[:2])
    assert device.coordinate_counters.queries > 2
    device.clear_counters()
    assert device.coordinate_counters.queries == device.read_counters().queries == 0


def test_a_coordinate_outside_of_the_parameters_is_refused() -> None:
    device = endpoint_device(ENGINE)
    loaded(device)
    with pytest.raises(UserError, match="query range"):
        outputs(device, [Coordinate(826, 1)])


def test_a_program_that_was_half_overwritten_is_written_again() -> None:
    transport = EndpointTransport(ENGINE)
    device = PacketDevice(ENGINE, transport)
    loaded(device)
    expected = outputs(device, SOME[-4:])
    exchange, writes = transport.endpoint.exchange, []

    def fail(words: list[int]) -> list[int]:
        writes.append(words[0] & 0xFF == Opcode.WRITE_PROGRAM)
        if sum(writes) == 5:  # the second packet of the second chapter
            raise OSError("the cable is out")
        return exchange(words)

    setattr(transport.endpoint, "exchange", fail)  # noqa: B010
    with pytest.raises(OSError, match="cable"):
        outputs(device, SOME[-4:])
    setattr(transport.endpoint, "exchange", exchange)  # noqa: B010
    assert np.array_equal(outputs(device, SOME[-4:]), expected)
