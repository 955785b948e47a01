"""Devices in the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from tenzo.sw.devices import open_device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError, UserError
from tenzo.sw.fleet.held import VARIABLE
from tenzo.sw.fleet.workers import WorkersDevice
from tests.sw.fleet.test_device import CGE, CONFIG, ENGINE, trajectory
from tests.sw.link.pty_engine import PtyEngine
from tests.sw.runs_support import run_tenzo, short_arguments

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=3, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as made:
        yield made


def device_of(cluster: LocalCluster) -> str:
    return f"dask:{cluster.scheduler_address}"


@pytest.mark.parametrize("config", [CONFIG, CGE], ids=["random", "coordinates"])
def test_workers_train_to_the_bits_of_one_device(config: Any, cluster: LocalCluster) -> None:
    expected = trajectory(config, open_device("golden", ENGINE), 5)
    device = open_device(device_of(cluster), ENGINE)
    assert isinstance(device, WorkersDevice)
    assert device.device_count == 3
    assert trajectory(config, device, 5) == expected
    device.close()


def test_a_worker_that_leaves_in_training_changes_nothing(cluster: LocalCluster) -> None:
    expected = trajectory(CONFIG, open_device("golden", ENGINE), 8)
    device = open_device(device_of(cluster), ENGINE)
    assert isinstance(device, WorkersDevice)
    steps = iter(range(100))
    write = device.write_parameters

    def write_and_lose_one(values: Any) -> None:
        if next(steps) == 4:
            cluster.scale(2)
        write(values)

    device.write_parameters = write_and_lose_one  # type: ignore[assignment,method-assign]
    assert trajectory(CONFIG, device, 8) == expected
    assert device.device_count == 2
    device.close()


def test_a_worker_has_the_device_that_its_environment_names(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.scale(1)
    with PtyEngine(ENGINE) as engine:
        monkeypatch.setenv(VARIABLE, engine.device)
        expected = trajectory(CONFIG, open_device("golden", ENGINE), 2)
        device = open_device(device_of(cluster), ENGINE)
        assert trajectory(CONFIG, device, 2) == expected
        assert engine.packets > 20
        device.close()
        open_device(engine.device, ENGINE).close()  # the worker has let go of it


def test_a_device_that_another_program_opens_is_lost(cluster: LocalCluster) -> None:
    first = open_device(device_of(cluster), ENGINE)
    second = open_device(device_of(cluster), ENGINE)
    with pytest.raises(LostDeviceError, match="another program has taken the device of worker"):
        first.clear_counters()
    second.clear_counters()
    second.close()
    first.close()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("float", "of worker .* must not be 'float'"),
        ("dask:tcp://127.0.0.1:9", "of worker .* must be a device of its own, not 'dask:"),
        ("serial:/dev/no", "there is no port /dev/no"),
    ],
)
def test_a_device_that_does_not_open_is_a_slip(
    name: str, sentence: str, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(UserError, match=sentence):
        open_device(device_of(cluster), ENGINE)


def test_a_scheduler_that_is_gone_is_a_loss() -> None:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        device = open_device(device_of(cluster), ENGINE)
        cluster.close()
        with pytest.raises(LostDeviceError, match=r"all devices are lost.*or its scheduler"):
            device.clear_counters()
    device.close()


def test_a_cluster_without_workers_is_a_slip() -> None:
    with LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        with pytest.raises(UserError, match="has no workers: start some"):
            open_device(device_of(cluster), EngineParameters())


@pytest.mark.parametrize("address", ["", "nowhere", "tcp://127.0.0.1:9"])
def test_an_address_without_a_cluster_is_a_slip(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tenzo.sw.fleet.workers.CONNECT_SECONDS", 0.3)
    monkeypatch.chdir(tmp_path)
    result = run_tenzo("train", "digits", *short_arguments(), "--device", f"dask:{address}")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"tenzo: there is no cluster at '{address}': name the address")
