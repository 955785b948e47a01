from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.framing import encode_frame, frame_bytes
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.planning.link_time import step_link, step_time
from tenzo.sw.training.trainer import Trainer


class Counting:
    """A transport to a model that counts packets and bytes of frames."""

    def __init__(self, engine) -> None:
        self._endpoint = Endpoint(engine)
        self.clear()

    def clear(self) -> None:
        self.packets = 0
        self.most, self.sent = [0, 0], [0, 0]

    def exchange(self, requests: Iterable[list[int]]) -> Iterator[list[int]]:
        for words in requests:
            response = self._endpoint.exchange(words)
            self.packets += 1
            for way, frame in enumerate((words, response)):
                self.most[way] += frame_bytes(len(frame))
                self.sent[way] += len(encode_frame(frame))
            yield response

    def allow(self, cycles: int) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def step():
    config = load_config("digits", ["training.batch=12"])
    transport = Counting(config.engine())
    device = PacketDevice(config.engine(), transport)
    trainer = Trainer(config, device, load_samples(config))
    trainer.start()
    transport.clear()
    trainer.run_step()
    return step_link(trainer.plan, 12, 4), transport


def test_packets_are_those_of_a_training_step(step) -> None:
    counted, transport = step
    assert counted.packets == transport.packets


def test_bytes_are_at_most_those_that_are_counted(step) -> None:
    counted, transport = step
    assert [counted.sent_bytes, counted.received_bytes] == transport.most
    sent = sum(transport.sent)
    assert sent <= sum(transport.most) <= 1.005 * sent + 2 * counted.packets


def test_time_is_that_of_ten_bits_a_byte_both_ways(step) -> None:
    counted, _ = step
    assert counted.seconds(10) == counted.sent_bytes + counted.received_bytes


def test_engine_time_is_cycles_of_all_waves_and_queries() -> None:
    planned = load_config("digits").plan()
    time = step_time(planned, 17, 4, 50.0, 1_000_000)
    assert time.engine_seconds == 3 * 4 * max(planned.cycles, planned.parameter_count) / 50e6
    assert 0 < time.share < 1
