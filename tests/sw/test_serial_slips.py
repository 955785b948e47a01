"""Slips with engines at serial ports: one sentence, status 2, the checkpoint good."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.framing import encode_frame
from tenzo.sw.link.serial_ports import Address, open_port
from tenzo.sw.packets import encode_packet
from tests.sw.link.pty_engine import Answer, PtyEngine
from tests.sw.runs_support import run_tenzo, short_arguments, short_config

ENGINE = short_config().engine()
TRAIN = ("train", "digits", *short_arguments("training.checkpoint_steps=5"))


def slip(*arguments: str) -> str:
    """Run a command that must fail with one sentence; return the sentence."""
    result = run_tenzo(*arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("tenzo: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    return lines[0].removeprefix("tenzo: ")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    assert run_tenzo(*TRAIN, "-o", str(folder)).exit_code == 0
    return folder


def metrics(folder: Path) -> list[str]:
    """Return the records of a run, times left out."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [line.partition(', "elapsed_seconds"')[0] for line in lines]


def old_version(words: list[int]) -> bytes:
    from tenzo.sw.link.endpoint import Endpoint

    packet = Endpoint(ENGINE).exchange(words)
    return encode_frame(encode_packet(0x81, 0, [packet[1], 1, *packet[3:-1]]))


ENGINES: dict[str, tuple[dict[str, Any], Answer | None, str]] = {
    "wrong bitstream": ({"lane_depth": 2048}, None, "lane_depth is 2048, not 1024 (digest 0x"),
    "another lane count": ({"lane_count": 4}, None, "lane_count is 4, not 8 (digest 0x"),
    "old bitstream": ({}, old_version, "protocol version 1, this program version 2: build"),
    "garbage": ({}, lambda words: b"Hello,\0 world!\r\n\0", "is no Tenzo engine: "),
    "silence": ({}, lambda words: b"", "nothing answers on /dev/"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGINES)
def test_another_engine_is_refused_and_nothing_written(name: str, empty_folder: Path) -> None:
    changes, answer, sentence = ENGINES[name]
    with PtyEngine(dataclasses.replace(ENGINE, **changes), answer=answer) as engine:
        assert sentence in slip(*TRAIN, "--device", engine.device)
    assert list(empty_folder.iterdir()) == []


@pytest.mark.slow
def test_a_port_that_vanishes_in_training_leaves_a_good_checkpoint(
    unbroken: Path, empty_folder: Path
) -> None:
    with PtyEngine(ENGINE, last=700) as engine:
        sentence = slip(*TRAIN, "-o", "run", "--device", engine.device)
    assert sentence.startswith(f"port {engine.port} is gone: ")
    assert sentence.endswith("is in run, go on with --resume")
    step = int(sentence.partition("the checkpoint of step ")[2].split()[0])
    assert step in range(5, 40, 5)
    with PtyEngine(ENGINE) as engine:
        resumed = run_tenzo(*TRAIN, "-o", "run", "--resume", "--device", engine.device)
    assert resumed.exit_code == 0, resumed.output
    assert metrics(empty_folder / "run") == metrics(unbroken)


@pytest.mark.slow
def test_one_of_two_ports_that_vanishes_in_training_changes_nothing(
    unbroken: Path, empty_folder: Path
) -> None:
    with PtyEngine(ENGINE) as good, PtyEngine(ENGINE, last=300) as engine:
        devices = ("--device", good.device, "--device", engine.device)
        result = run_tenzo(*TRAIN, "-o", "run", *devices)
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"{engine.device} dropped out, the other goes on: ") == 1
    assert metrics(empty_folder / "run") == metrics(unbroken)


@pytest.mark.slow
def test_all_ports_that_vanish_in_training_leave_a_good_checkpoint(empty_folder: Path) -> None:
    with PtyEngine(ENGINE, last=300) as first, PtyEngine(ENGINE, last=300) as second:
        devices = ("--device", first.device, "--device", second.device)
        sentence = slip(*TRAIN, "-o", "run", *devices)
    assert sentence.startswith("all devices are lost, the last one because port /dev/")
    assert sentence.endswith("is in run, go on with --resume")
    assert (empty_folder / "run" / "checkpoint.npz").exists()


@pytest.mark.slow
def test_another_engine_at_resuming_leaves_the_checkpoint(
    unbroken: Path, empty_folder: Path
) -> None:
    with PtyEngine(ENGINE, last=700) as engine:
        slip(*TRAIN, "-o", "run", "--device", engine.device)
    before = {path.name: path.read_bytes() for path in (empty_folder / "run").iterdir()}
    with PtyEngine(EngineParameters(lane_count=16)) as engine:
        slip(*TRAIN, "-o", "run", "--resume", "--device", engine.device)
    assert {path.name: path.read_bytes() for path in (empty_folder / "run").iterdir()} == before


def test_a_port_that_another_program_holds_is_refused() -> None:
    with PtyEngine(ENGINE) as engine:
        held = open_port(Address(engine.port, 9600))
        assert f"another program holds port {engine.port}" in slip(
            *TRAIN, "--device", engine.device
        )
        held.close()


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("serial:/dev/nowhere", "there is no port /dev/nowhere: "),
        ("serial:", "a serial device is serial:PORT or serial:PORT@BAUD"),
        ("serial:/dev/tty@fast", "the baud rate of port /dev/tty must be a positive number"),
        (
            "serial",
            "verilator, serial:PORT, dask:ADDRESS, not 'serial'",
        ),
        ("parallel:/dev/lp0", "not 'parallel:/dev/lp0'"),
        ("golden:1", "not 'golden:1'"),
    ],
)
def test_an_address_that_is_none_is_refused(device: str, sentence: str) -> None:
    assert sentence in slip(*TRAIN, "--device", device)


def test_a_finished_run_is_scored_on_a_serial_device(unbroken: Path) -> None:
    with PtyEngine(ENGINE) as engine:
        scored = run_tenzo("evaluate", str(unbroken), "--device", engine.device, "--json")
    assert scored.exit_code == 0, scored.output
    assert scored.stdout == run_tenzo("evaluate", str(unbroken), "--json").stdout
