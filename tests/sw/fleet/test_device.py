"""Several devices give the bits of one, also when some of them drop out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Device, Outputs, Query
from tenzo.sw.devices import open_device
from tenzo.sw.errors import DeviceError, LostDeviceError, UserError
from tenzo.sw.fleet.device import FleetDevice
from tenzo.sw.golden.device import GoldenDevice, IntArray
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.training.coordinates import coordinate_outputs
from tenzo.sw.training.evaluation import gather_outputs
from tenzo.sw.training.trainer import Trainer
from tests.sim.endpoint_device import endpoint_device
from tests.sw.link.pty_engine import PtyEngine
from tests.sw.runs_support import short_config

CONFIG = short_config("training.batch=32", "training.steps=20")
ENGINE = CONFIG.engine()
PROGRAM = plan(CONFIG.network(), ENGINE).program
CGE = short_config("training.estimator='cge'", "training.coordinates=30", "training.batch=20")


class Mortal(GoldenDevice):
    """A golden model that fails when it has run some evaluations."""

    def __init__(self, lives: int, error: Exception | None = None) -> None:
        super().__init__(ENGINE)
        self.lives = lives
        self.closed = False
        self.error = error or LostDeviceError("it fell off the table")

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        self.lives -= 1
        for count, item in enumerate(super().evaluate(samples_raw, queries)):
            if self.lives < 0 and count:
                raise self.error
            yield item

    def close(self) -> None:
        self.closed = True
        super().close()


class Waiting(GoldenDevice):
    """A golden model that evaluates nothing before it is released."""

    def __init__(self, release: threading.Event) -> None:
        super().__init__(ENGINE)
        self.release = release
        self.begun = threading.Event()
        self.evaluations = 0

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        self.evaluations += 1
        self.begun.set()
        assert self.release.wait(60)
        return super().evaluate(samples_raw, queries)


def fleet(*devices: Device) -> FleetDevice:
    made = FleetDevice(ENGINE, devices)
    made.load_program(PROGRAM)
    made.write_parameters(parameters())
    return made


def parameters() -> IntArray:
    return np.random.default_rng(3).integers(-(1 << 15), 1 << 15, PROGRAM.parameter_count)


def samples(count: int) -> IntArray:
    return np.random.default_rng(4).integers(-(1 << 15), 1 << 15, (count, PROGRAM.input_count))


def trajectory(config: Config, device: Device, steps: int) -> dict[str, Any]:
    trainer = Trainer(config, device, load_samples(config))
    trainer.start()
    losses = [trainer.run_step() for _ in range(steps)]
    state = {name: array.tobytes() for name, array in trainer.state().items()}
    return {"losses": losses, **state}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [item.getMessage() for item in caplog.records if item.levelno >= logging.WARNING]


def keep_busy(device: Device) -> None:
    for _ in range(9):
        list(device.evaluate(samples(80), QUERIES))


QUERIES = [Query(sign, 7 + index, 500) for index in range(2) for sign in (1, -1)]


@pytest.mark.parametrize("count", [1, 5, 8, 9, 40, 41])
@pytest.mark.parametrize("queries", [QUERIES, QUERIES[:1], [Query(), Query(entry=2), Query()]])
def test_outputs_and_counts_are_those_of_one_device(count: int, queries: list[Query]) -> None:
    one = fleet(GoldenDevice(ENGINE))
    three = fleet(GoldenDevice(ENGINE), endpoint_device(ENGINE), GoldenDevice(ENGINE))
    for device in (one, three):
        device.clear_counters()
    expected, got = (
        gather_outputs(device, PROGRAM, samples(count), queries) for device in (one, three)
    )
    assert np.array_equal(got, expected)
    counted = [asdict(device.read_counters()) for device in (one, three)]
    for counts in counted:
        counts["saturations"] = counts["saturations"].tolist()
    assert counted[0] == counted[1]
    assert sum(counted[0]["saturations"]) > 0


def test_outputs_come_in_the_order_of_samples() -> None:
    three = fleet(*(GoldenDevice(ENGINE) for _ in range(3)))
    items = [(item.first_sample, item.query) for item in three.evaluate(samples(60), QUERIES)]
    assert items == sorted(items)


def test_coordinates_come_in_order_whoever_evaluates_them() -> None:
    coordinates = [Coordinate(address, 3) for address in range(0, PROGRAM.parameter_count, 7)]
    golden = GoldenDevice(ENGINE)
    golden.load_program(PROGRAM)
    golden.write_parameters(parameters())
    three = fleet(GoldenDevice(ENGINE), endpoint_device(ENGINE), endpoint_device(ENGINE))
    outputs = []
    for device in (golden, three):
        parts = list(coordinate_outputs(device, samples(20), coordinates))
        sizes = [len(part.outputs_raw) for part in parts]
        assert [part.first for part in parts] == np.cumsum([0, *sizes[:-1]]).tolist()
        outputs.append(np.concatenate([part.outputs_raw for part in parts]))
    assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.parametrize("config", [CONFIG, CGE], ids=["random", "coordinates"])
def test_three_devices_train_to_the_bits_of_one(config: Config) -> None:
    expected = trajectory(config, open_device("golden", ENGINE), 5)
    with PtyEngine(ENGINE) as first, PtyEngine(ENGINE, 1e-4) as second:
        device = open_device(["golden", first.device, second.device], ENGINE)
        assert device.name == f"golden, {first.device}, {second.device}"
        assert trajectory(config, device, 5) == expected
        device.close()
        assert min(first.packets, second.packets) > 20


@pytest.mark.parametrize(
    ("config", "last"),
    [(CONFIG, 30), (CONFIG, 100), (CONFIG, 131), pytest.param(CGE, 400, marks=pytest.mark.slow)],
)
def test_a_device_that_drops_out_changes_nothing(
    config: Config, last: int, caplog: pytest.LogCaptureFixture
) -> None:
    expected = trajectory(config, open_device("golden", ENGINE), 5)
    with PtyEngine(ENGINE) as first, PtyEngine(ENGINE, last=last) as second:
        device = FleetDevice(ENGINE, [open_device(e.device, ENGINE) for e in (first, second)])
        assert trajectory(config, device, 5) == expected
        assert device.device_count == 1
        device.close()
    (warning,) = warnings(caplog)
    assert warning.startswith(f"{second.device} dropped out, the other goes on: port ")


@pytest.mark.parametrize("error", [DeviceError("died"), LostDeviceError("lost"), OSError("gone")])
def test_the_share_of_a_lost_device_is_computed_by_the_others(error: Exception) -> None:
    mortals = [Mortal(1, error), Mortal(2, error)]
    three = fleet(*mortals, GoldenDevice(ENGINE))
    expected = gather_outputs(fleet(GoldenDevice(ENGINE)), PROGRAM, samples(80), QUERIES)
    for _ in range(4):
        assert np.array_equal(gather_outputs(three, PROGRAM, samples(80), QUERIES), expected)
    assert three.read_counters().queries == 4 * 10 * len(QUERIES)


def test_a_lost_device_is_closed() -> None:
    mortal = Mortal(0)
    two = fleet(mortal, endpoint_device(ENGINE))
    while two.device_count == 2:
        list(two.evaluate(samples(80), QUERIES))
    assert mortal.closed


def test_the_loss_of_all_devices_is_an_error() -> None:
    two = fleet(Mortal(0), Mortal(0))
    with pytest.raises(LostDeviceError, match="all devices are lost, the last one because it fell"):
        keep_busy(two)
    two.close()


def test_after_an_interruption_no_share_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    devices = [Waiting(release), Waiting(release)]
    two = fleet(*devices)

    def interrupt(futures: object) -> None:
        assert all(device.begun.wait(60) for device in devices)
        raise KeyboardInterrupt

    monkeypatch.setattr(two, "_gather", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(two.evaluate(samples(80), QUERIES))
    release.set()
    two.close()
    assert [device.evaluations for device in devices] == [1, 1]


def test_a_slip_is_no_loss(caplog: pytest.LogCaptureFixture) -> None:
    two = fleet(GoldenDevice(ENGINE), GoldenDevice(ENGINE))
    with pytest.raises(UserError, match="samples must be"):
        list(two.evaluate(np.full((8, PROGRAM.input_count), 1 << 20), QUERIES))
    with pytest.raises(UserError, match="parameters must have shape"):
        two.write_parameters(np.zeros(3, np.int64))
    assert two.device_count == 2
    assert not warnings(caplog)


def test_a_wrong_result_is_no_loss() -> None:
    two = fleet(Mortal(0, RuntimeError("planned another count")), endpoint_device(ENGINE))
    with pytest.raises(RuntimeError, match="planned another count"):
        keep_busy(two)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["golden", "float"],
            "device 'float' returns other numbers than the others: name it alone",
        ),
        (["serial:/dev/a", "golden", "serial:/dev/a"], "'serial:/dev/a' is named twice"),
        (["golden", "gold"], "not 'gold'"),
        (["golden", "serial:/dev/nowhere"], "there is no port /dev/nowhere"),
    ],
)
def test_devices_that_do_not_go_together_are_refused(names: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        open_device(names, ENGINE)


def test_a_port_is_free_again_when_another_device_does_not_open() -> None:
    with PtyEngine(ENGINE) as engine:
        with pytest.raises(UserError):
            open_device([engine.device, "serial:/dev/nowhere"], ENGINE)
        open_device(engine.device, ENGINE).close()
