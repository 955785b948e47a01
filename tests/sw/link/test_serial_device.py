"""Finding an engine at a serial port."""

from __future__ import annotations

import termios

import pytest
import serial

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError
from tenzo.sw.link.framing import encode_frame
from tenzo.sw.link.identity import identity_words, read_identity
from tenzo.sw.link.serial_device import PROBING, identify, open_serial
from tenzo.sw.link.serial_ports import BAUDS, Address
from tests.sw.link.pty_engine import PtyEngine

ENGINE = EngineParameters()


def answer_at(baud: int, otherwise: bytes = b"") -> PtyEngine:
    """An engine that answers while its port has a rate, and else says something else."""

    def answer(words: list[int]) -> bytes:
        rate = termios.tcgetattr(engine.master)[5]
        good = rate == getattr(termios, f"B{baud}")
        return encode_frame(engine.endpoint.exchange(words)) if good else otherwise

    engine = PtyEngine(ENGINE, answer=answer)
    return engine


def silence(engine: PtyEngine, address: str) -> str:
    with pytest.raises(LostDeviceError) as caught:
        open_serial(ENGINE, address)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("baud", [BAUDS[0], BAUDS[3], BAUDS[-1]])
@pytest.mark.parametrize("otherwise", [b"", b"\xff\xff\xff\xff\xff\xff\0"])
def test_the_rate_at_which_an_engine_answers_is_found(baud: int, otherwise: bytes) -> None:
    with answer_at(baud, otherwise) as engine:
        assert identify(Address(engine.port)) == (read_identity(identity_words(ENGINE)), baud)


def fail_from(baud: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a port fail when it is set to a rate after it was opened."""
    set_rate = serial.Serial.baudrate.fset

    def fail(port: serial.Serial, rate: int) -> None:
        if port.is_open and rate == baud:
            raise error
        set_rate(port, rate)

    monkeypatch.setattr(serial.Serial, "baudrate", serial.Serial.baudrate.setter(fail))


def test_a_rate_that_the_driver_does_not_make_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_from(BAUDS[1], ValueError("Failed to set custom baud rate"), monkeypatch)
    with answer_at(BAUDS[2]) as engine:
        assert identify(Address(engine.port))[1] == BAUDS[2]


def test_a_port_that_vanishes_between_two_rates_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_from(BAUDS[1], OSError(5, "Input/output error"), monkeypatch)
    with PtyEngine(ENGINE, answer=lambda words: b"") as engine:
        assert silence(engine, engine.port) == f"port {engine.port} is gone: connect it again"


def test_a_rate_that_is_named_is_the_only_one() -> None:
    with answer_at(115_200) as engine:
        sentence = silence(engine, f"{engine.port}@1000000")
        assert sentence.startswith(f"nothing answers on {engine.port} at 1000000 baud: check p")
        assert engine.packets == PROBING.silences
        open_serial(ENGINE, f"{engine.port}@115200").close()


@pytest.mark.slow
def test_a_device_that_says_nothing_is_named() -> None:
    with PtyEngine(ENGINE, answer=lambda words: b"") as engine:
        sentence = silence(engine, engine.port)
    assert " baud or slower: " in sentence
    assert f"the speed, written serial:{engine.port}@BAUD," in sentence


@pytest.mark.slow
@pytest.mark.parametrize("nonsense", [b"Hello!\r\n", b"\0\x09\x01\x02\x03\x04\x05\x06\x07\x08\0"])
def test_a_device_that_talks_nonsense_is_named(nonsense: bytes) -> None:
    with PtyEngine(ENGINE, answer=lambda words: nonsense) as engine:
        assert silence(engine, engine.port).startswith(
            f"what answers on {engine.port} at 3000000 baud or slower is no Tenzo engine"
        )


def test_a_port_that_was_tried_in_vain_is_free_again() -> None:
    with PtyEngine(ENGINE, answer=lambda words: b"") as engine:
        for _ in range(2):
            silence(engine, f"{engine.port}@1000000")
