"""Ports that open, and what is said about those that do not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import serial

from tenzo.boards import board as boards
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.link import serial_ports
from tenzo.sw.link.serial_ports import BAUDS, Address, open_port, parse_address
from tests.sw.link.pty_engine import PtyEngine

ENGINE = EngineParameters()


@pytest.fixture
def two_ports(monkeypatch):
    monkeypatch.setattr(serial_ports, "port_names", lambda: ["/dev/ttyA", "/dev/ttyB"])


def refusal(address: Address) -> str:
    with pytest.raises(UserError) as caught:
        open_port(address)
    return str(caught.value)


def refuse_with(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise serial.SerialException(number, f"could not open port: {os.strerror(number)}")

    monkeypatch.setattr(serial, "Serial", refuse)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/dev/ttyUSB0", Address("/dev/ttyUSB0")),
        ("/dev/ttyUSB0@115200", Address("/dev/ttyUSB0", 115_200)),
        ("COM3", Address("COM3")),
        ("/dev/by@id/x@9600", Address("/dev/by@id/x", 9600)),
    ],
)
def test_an_address_is_a_port_and_a_rate(text: str, address: Address) -> None:
    assert parse_address(text) == address


def test_the_rates_of_all_boards_are_tried() -> None:
    assert Address("p").bauds == BAUDS == boards.BAUDS
    assert Address("p", 9600).bauds == (9600,)


@pytest.mark.parametrize("baud", ["fast", "", "0", "-1", "1.5"])
def test_a_rate_that_is_no_positive_number_is_refused(baud: str) -> None:
    with pytest.raises(UserError, match=f"port p must be a positive number, not '{baud}'"):
        parse_address(f"p@{baud}")


@pytest.mark.usefixtures("two_ports")
def test_a_missing_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match="serial:PORT@BAUD; the ports here are /dev/ttyA, /dev/tt"):
        parse_address("")


@pytest.mark.usefixtures("two_ports")
def test_a_port_that_does_not_exist_is_answered_with_those_that_do() -> None:
    sentence = refusal(Address("/dev/nowhere", 9600))
    assert sentence == "there is no port /dev/nowhere: the ports here are /dev/ttyA, /dev/ttyB"


def test_a_machine_without_ports_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_ports, "port_names", list)
    sentence = refusal(Address("/dev/nowhere", 9600))
    assert sentence.endswith("there is no serial port here")


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file is no serial port: " in refusal(Address(str(tmp_path / "file"), 9600))
    assert " is no serial port: " in refusal(Address(str(tmp_path), 9600))


def test_a_port_that_another_program_holds_is_refused() -> None:
    with PtyEngine(ENGINE) as engine:
        held = open_port(Address(engine.port, 9600))
        sentence = refusal(Address(engine.port, 9600))
        assert sentence.startswith(f"another program holds port {engine.port}: end it first")
        held.close()
        open_port(Address(engine.port, 9600)).close()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_port_without_permission_names_the_group_to_join(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import grp

    group = next(entry for entry in grp.getgrall() if entry.gr_gid)
    path = tmp_path / "ttyA"
    path.write_text("")
    status = os.stat_result((0o020660, 0, 0, 1, 0, group.gr_gid, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda self: status)
    refuse_with(monkeypatch, number)
    assert refusal(Address(str(path), 9600)) == (
        f"you may not use port {path}: join its group {group.gr_name} with "
        f"'sudo usermod -aG {group.gr_name} $USER' and log in again"
    )


def test_a_port_of_root_alone_needs_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    status = os.stat_result((0o020600, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda self: status)
    refuse_with(monkeypatch, errno.EACCES)
    assert "its group is root" in refusal(Address("/dev/ttyA", 9600))


@pytest.mark.parametrize("baud", [1 << 31, 1 << 32, 99_999_999_999])
def test_a_rate_past_all_numbers_is_refused(baud: int) -> None:
    with PtyEngine(ENGINE) as engine:
        expected = f"port {engine.port} does not run at {baud} baud: name another"
        assert refusal(Address(engine.port, baud)).startswith(expected)


def test_other_failures_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_with(monkeypatch, errno.EIO)
    assert refusal(Address("/dev/ttyA", 9600)).startswith("port /dev/ttyA cannot be opened: ")
