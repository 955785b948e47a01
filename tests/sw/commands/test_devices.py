"""``tenzo devices``."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from serial.tools import list_ports

from tenzo.sw.engine import EngineParameters
from tests.sw.link.pty_engine import PtyEngine
from tests.sw.runs_support import run_tenzo

ENGINE = EngineParameters(lane_count=4)


@pytest.fixture
def listed(monkeypatch):
    """Ports that the machine lists; to be filled."""
    ports: list[Any] = []
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    return ports


def test_an_engine_is_found_at_a_port_that_is_named() -> None:
    with PtyEngine(ENGINE) as engine:
        result = run_tenzo("devices", "--port", engine.port, "--json")
        (record,) = json.loads(result.stdout)
    assert result.exit_code == 0
    assert record["device"] == f"serial:{engine.port}@3000000"
    assert record["identity"]["lane_count"] == 4
    assert record["identity"]["digest"] == f"{ENGINE.digest:#018x}"
    assert record["identity"]["activation"] == "16 bits, 13 fractional"
    assert record["problem"] == ""


def test_all_ports_are_asked_and_described(listed: list[Any]) -> None:
    with (
        PtyEngine(ENGINE) as engine,
        PtyEngine(ENGINE, answer=lambda words: b"\0?????\0") as other,
    ):
        names = [(engine.port, "ULX3S FPGA 85K"), (other.port, None)]
        listed += [
            SimpleNamespace(device=name, product=product, description="n/a")
            for name, product in names
        ]
        result = run_tenzo("devices")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert f"{engine.port}  ULX3S FPGA 85K" in lines
    assert f"  --device serial:{engine.port}@3000000" in lines
    assert lines[lines.index(other.port) + 1].startswith("  no engine: ")


def test_a_port_that_cannot_be_asked_is_told_and_the_status_is_one() -> None:
    result = run_tenzo("devices", "--port", "/dev/nowhere")
    assert result.exit_code == 1
    assert "/dev/nowhere\n  no engine: there is no port /dev/nowhere" in result.stdout


def test_a_machine_without_ports_says_so(listed: list[Any]) -> None:
    result = run_tenzo("devices")
    assert result.exit_code == 1
    assert result.stdout.startswith("there is no serial port here")
    assert json.loads(run_tenzo("devices", "--json").stdout) == []
