"""Packets over a serial line: what is sent again, what is ignored, and when it ends."""

from __future__ import annotations

import os
import time
import tty
from collections.abc import Iterator

import numpy as np
import pytest

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Device
from tenzo.sw.devices import open_device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError
from tenzo.sw.link.framing import encode_frame
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.link.serial_device import open_serial
from tenzo.sw.link.serial_ports import Address, open_port
from tenzo.sw.link.serial_transport import Limits, SerialTransport
from tenzo.sw.packets import NAK_OPCODE, NakCode, Opcode, encode_packet
from tenzo.sw.training.trainer import Trainer
from tests.sw.link.pty_engine import PtyEngine

ENGINE = EngineParameters()
PATIENT = Limits(margin_seconds=100.0)
HASTY = Limits(margin_seconds=0.02, silences=8)
SMALL = (
    "network.layers=[{inputs=64,outputs=10,input_modes=[4,4,4],output_modes=[1,5,2],ranks=1}]",
    "engine.lane_count=2",
    "engine.stage_slots=4",
    "training.batch=4",
    "training.calibration_samples=4",
)


def trajectory(config: Config, device: Device, steps: int = 20) -> tuple[list[float], bytes]:
    trainer = Trainer(config, device, load_samples(config))
    trainer.start()
    losses = [trainer.run_step() for _ in range(steps)]
    return losses, trainer.weights.tobytes()


def transport_to(engine: PtyEngine, limits: Limits = PATIENT) -> SerialTransport:
    return SerialTransport(open_port(Address(engine.port, 3_000_000)), limits)


def ask(transport: SerialTransport, sequence: int, opcode: Opcode = Opcode.IDENTIFY) -> list[int]:
    (answer,) = transport.exchange([encode_packet(opcode, sequence)])
    return answer


def clear_counters_packets(first: int, count: int) -> Iterator[list[int]]:
    for sequence in range(first, first + count):
        yield encode_packet(Opcode.CLEAR_COUNTERS, sequence)


def keep_busy(device: Device) -> None:
    for _ in range(20):
        device.clear_counters()


@pytest.mark.parametrize(
    ("rate", "overrides"), [(0.0, ()), (1e-4, ()), (1e-3, ()), (1e-2, SMALL)], ids=str
)
def test_training_over_a_line_with_faults_gives_golden_bits(
    rate: float, overrides: tuple[str, ...]
) -> None:
    config = load_config("digits", overrides)
    expected = trajectory(config, open_device("golden", config.engine()))
    with PtyEngine(config.engine(), rate, seed=5) as engine:
        transport = transport_to(engine, Limits())
        device = PacketDevice(config.engine(), transport)
        assert trajectory(config, device) == expected
        device.close()
    assert (engine.faults.count > 10) == (transport.repeated > 10) == (rate > 0)


def test_responses_with_other_numbers_are_ignored() -> None:
    old: list[bytes] = []

    def answer(words: list[int]) -> bytes:
        old.append(encode_frame(engine.endpoint.exchange(words)))
        return b"".join(old[-3:])

    with PtyEngine(ENGINE, answer=answer) as engine:
        transport = transport_to(engine)
        answers = list(transport.exchange(clear_counters_packets(1, 20)))
        transport.close()
    assert [words[0] >> 8 & 0xFF for words in answers] == list(range(1, 21))
    assert transport.repeated == 0


def test_a_response_that_comes_twice_is_taken_once() -> None:
    def answer(words: list[int]) -> bytes:
        return 2 * encode_frame(engine.endpoint.exchange(words))

    with PtyEngine(ENGINE, answer=answer) as engine:
        device = open_serial(ENGINE, engine.port, PATIENT)
        keep_busy(device)
        device.close()


def test_a_response_to_another_opcode_is_ignored() -> None:
    def answer(words: list[int]) -> bytes:
        stale = encode_packet(0x8A, words[0] >> 8 & 0xFF)
        return encode_frame(stale) + encode_frame(engine.endpoint.exchange(words))

    with PtyEngine(ENGINE, answer=answer) as engine:
        transport = transport_to(engine)
        assert ask(transport, 0)[0] & 0xFF == 0x81
        transport.close()


def test_a_query_whose_response_is_lost_runs_once() -> None:
    config = load_config("digits", SMALL)

    def answer(words: list[int]) -> bytes:
        response = encode_frame(engine.endpoint.exchange(words))
        lost = words[0] & 0xFF == Opcode.QUERY and engine.packets % 2
        return b"" if lost else response

    with PtyEngine(config.engine(), answer=answer) as engine:
        device = open_serial(config.engine(), engine.port, HASTY)
        lossy = trajectory(config, device, 3), device.read_counters().queries
        device.close()
    golden = open_device("golden", config.engine())
    assert lossy == (trajectory(config, golden, 3), golden.read_counters().queries)


@pytest.mark.parametrize(
    "damage",
    [
        encode_frame(encode_packet(NAK_OPCODE, 77, [NakCode.CRC])),
        encode_frame(encode_packet(NAK_OPCODE, 0, [NakCode.LENGTH])),
        encode_frame([1, 2, 3]),
    ],
    ids=["crc", "length", "damaged"],
)
def test_a_damaged_packet_is_sent_again_before_the_time_is_over(damage: bytes) -> None:
    def answer(words: list[int]) -> bytes:
        return damage if engine.packets == 1 else encode_frame(engine.endpoint.exchange(words))

    with PtyEngine(ENGINE, answer=answer) as engine:
        transport = transport_to(engine, PATIENT)
        ask(transport, 0)
        transport.close()
    assert (transport.sent, transport.repeated) == (2, 1)


@pytest.mark.parametrize(
    ("noise", "tries"), [(b"\x05", 1), (b"\0\0", 1), (b"\x05\x01\x02\x03\x04\x05\x06\x07", 2)]
)
def test_noise_on_the_line_before_a_packet_costs_one_try_at_most(noise: bytes, tries: int) -> None:
    with PtyEngine(ENGINE) as engine:
        port = open_port(Address(engine.port, 3_000_000))
        port.write(noise)
        transport = SerialTransport(port, Limits(margin_seconds=100.0, tries=tries))
        ask(transport, 0)
        transport.close()


def test_a_late_response_is_taken_and_the_next_one_waited_for() -> None:
    def answer(words: list[int]) -> bytes:
        if engine.packets > 3:
            time.sleep(0.3)
        return encode_frame(engine.endpoint.exchange(words))

    with PtyEngine(ENGINE, answer=answer) as engine:
        transport = transport_to(engine, Limits(margin_seconds=0.2))
        list(transport.exchange(clear_counters_packets(1, 3)))
        before = transport.repeated
        answers = list(transport.exchange(clear_counters_packets(4, 8)))
        transport.close()
    assert [words[0] >> 8 & 0xFF for words in answers] == list(range(4, 12))
    assert transport.repeated - before <= 4


def test_the_time_allows_for_the_engine_and_the_line() -> None:
    with PtyEngine(ENGINE) as engine:
        transport = SerialTransport(open_port(Address(engine.port, 115_200)), Limits(1e6, 0.5))
        alone = transport._seconds(100, 0)
        assert alone == pytest.approx(0.5 + (100 + 1038) * 10 / 115_200)
        transport.allow(3_000_000)
        assert transport._seconds(100, 0) == pytest.approx(alone + 3.0)
        transport.close()


def test_an_engine_that_stops_answering_is_named() -> None:
    def answer(words: list[int]) -> bytes:
        return encode_frame(engine.endpoint.exchange(words)) if engine.packets < 10 else b""

    with PtyEngine(ENGINE, answer=answer) as engine:
        limits = Limits(margin_seconds=0.05, silences=3)
        device = open_serial(ENGINE, engine.port, limits)
        with pytest.raises(LostDeviceError, match=r"the engine on .* has stopped answering: 3 tr"):
            keep_busy(device)
        device.close()


def test_a_line_that_damages_everything_is_named() -> None:
    def answer(words: list[int]) -> bytes:
        response = engine.endpoint.exchange(words)
        return encode_frame(response if engine.packets < 10 else [*response[:-1], 0])

    with PtyEngine(ENGINE, answer=answer) as engine:
        device = open_serial(ENGINE, engine.port, Limits(margin_seconds=100.0, tries=50))
        with pytest.raises(
            LostDeviceError, match=r"^the line to the engine on .* damages too many"
        ):
            keep_busy(device)
        device.close()


def test_a_port_that_vanishes_is_named() -> None:
    with PtyEngine(ENGINE, last=9) as engine:
        device = open_serial(ENGINE, engine.port)
        with pytest.raises(LostDeviceError, match=f"^port {engine.port} is gone: "):
            keep_busy(device)
        device.close()


def test_a_port_that_takes_no_bytes_is_silent() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    port = open_port(Address(os.ttyname(slave), 3_000_000))
    port.write_timeout = 0.05
    transport = SerialTransport(port, HASTY)
    with pytest.raises(
        LostDeviceError,
        match=r"at 3000000 baud has stopped answering: 8 tries",
    ):
        list(transport.exchange([encode_packet(1, 0, np.ones(256, int).tolist())] * 20))
    transport.close()
    os.close(slave)
    os.close(master)
