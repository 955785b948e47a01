"""Packets over a serial port that may lose, change, repeat or insert bytes."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import serial

from tenzo.sw.errors import LostDeviceError
from tenzo.sw.link.framing import FrameDecoder, encode_frame, frame_bytes
from tenzo.sw.packets import (
    MAX_PAYLOAD_WORDS,
    NAK_OPCODE,
    RESPONSE_BIT,
    NakCode,
    Packet,
    decode_packet,
)

_LOG = logging.getLogger(__name__)

_END = b"\0"
_RESPONSE_BYTES = frame_bytes(MAX_PAYLOAD_WORDS + 2)
_BITS_PER_BYTE = 10
_DAMAGE = (NakCode.CRC, NakCode.LENGTH)
_MOST_PATIENCE = 16.0


class NoAnswerError(LostDeviceError):
    """No good response came in as many tries as are allowed."""


@dataclass(frozen=True)
class Limits:
    """How long a link waits before it sends a packet again, and how often it does.

    Parameters
    ----------
    clock_hz : :class:`float`
        Slowest clock of an engine: the host does not know the real one, a faster one only answers
        earlier. ``tenzo build`` refuses clocks below 10 MHz.
    margin_seconds : :class:`float`
        Time beside that for bytes and cycles: latency of operating systems and of USB.
    silences : :class:`int`
        Time-outs in a row, of one packet, after which nothing is expected any more. Each waits
        twice as long as the one before it, up to 16 times.
    tries : :class:`int`
        Times that one packet is sent at most, whatever comes back.
    """

    clock_hz: float = 10e6
    margin_seconds: float = 0.25
    silences: int = 11
    tries: int = 1000


class SerialTransport:
    """Packet transport over a serial port.

    Each packet is a frame (:mod:`tenzo.sw.link.framing`) behind one more zero byte, which ends
    whatever noise has begun. One packet is under way at a time. It is sent again, with its number,
    when nothing comes for too long, when what comes is damaged, or when the engine says that what
    it got was damaged; an engine replays its response to a number that it has executed. Responses
    with other numbers are left over from packets sent twice, and are ignored.

    Parameters
    ----------
    port : :class:`serial.Serial`
        Open, with a read timeout: how exactly time-outs are kept.
    limits : :class:`Limits`

    Members
    -------
    limits : as given; may be set
    heard : whether any byte came
    sent, repeated : packets sent so far, and how many of them were repeats
    """

    def __init__(self, port: serial.Serial, limits: Limits | None = None) -> None:
        self._port = port
        self.limits = limits or Limits()
        self._decoder = FrameDecoder()
        self._packets: deque[list[int]] = deque()
        self._allowed_seconds = 0.0
        self._patience = 1.0
        self.heard = False
        self.sent = self.repeated = 0

    def exchange(self, requests: Iterable[list[int]]) -> Iterator[list[int]]:
        """Send packets one by one and yield the response to each.

        Raises
        ------
        NoAnswerError
            If no good response came in as many tries as are allowed.
        LostDeviceError
            If the port is gone.
        """
        for request in requests:
            yield self._ask(request)

    def allow(self, cycles: int) -> None:
        """Take note that an engine may compute for some clock cycles before it responds."""
        self._allowed_seconds = cycles / self.limits.clock_hz

    def close(self) -> None:
        """Close the port."""
        if self.repeated:
            _LOG.debug("%d of %d packets were sent again", self.repeated, self.sent)
        self._port.close()

    @property
    def baud(self) -> int:
        """Baud rate of the port."""
        return int(self._port.baudrate)

    def _ask(self, request: Sequence[int]) -> list[int]:
        """Send a packet until it has a good response."""
        frame = _END + encode_frame(request)
        silences = 0
        for attempt in range(self.limits.tries):
            self.sent += 1
            self.repeated += attempt > 0
            try:
                came = self._send(frame) and self._listen(request, len(frame), silences)
            except OSError as error:
                raise self._gone(error) from error
            if isinstance(came, list):
                self._learn(silences)
                return came
            silences = 0 if came else silences + 1
            if silences >= self.limits.silences:
                break
        raise NoAnswerError(self._failure(attempt + 1, silences))

    def _send(self, frame: bytes) -> bool:
        """Write a frame; return whether the port took it in time."""
        try:
            self._port.write(frame)
        except serial.SerialTimeoutException:
            return False
        return True

    def _listen(self, request: Sequence[int], size: int, silences: int) -> list[int] | bool:
        """Return the response to a packet, true if it is to be sent again, false if none comes."""
        deadline = time.monotonic() + self._seconds(size, silences)
        while True:
            while self._packets:
                answer = _judge(request, self._packets.popleft())
                if answer is not None:
                    return answer
            if time.monotonic() > deadline:
                return False
            self._receive()

    def _receive(self) -> None:
        """Read what has come, or wait for it for the port's read timeout."""
        data = self._port.read(1)
        if data:
            self.heard = True
            data += self._port.read(self._port.in_waiting)
            self._packets.extend(self._decoder.feed(data))

    def _seconds(self, size: int, silences: int) -> float:
        """Return how long a response to a frame may take."""
        wire = (size + _RESPONSE_BYTES) * _BITS_PER_BYTE / self.baud
        usual = wire + self._allowed_seconds + self.limits.margin_seconds
        return float(usual * min(self._patience * 2**silences, _MOST_PATIENCE))

    def _learn(self, silences: int) -> None:
        """Wait longer for an engine that answered late; forget it slowly, for it may be noise."""
        if silences:
            self._patience = min(self._patience * 2, _MOST_PATIENCE)
        else:
            self._patience = max(1.0, self._patience * 0.99)

    def _failure(self, tries: int, silences: int) -> str:
        """Return why a packet has no good response, and what to do."""
        place = f"the engine on {self._port.name} at {self.baud} baud"
        if silences:
            return (
                f"{place} has stopped answering: {tries} tries brought no good response, check "
                "its power and cable"
            )
        return (
            f"the line to {place} damages too many bytes: {tries} tries brought no good response, "
            "check cable and ground, or build for a lower rate"
        )

    def _gone(self, error: OSError) -> LostDeviceError:
        """Return the error of a port that cannot be read or written any more."""
        reason = (error.strerror or "it was disconnected").lower()
        return LostDeviceError(f"port {self._port.name} is gone: {reason}")


def _judge(request: Sequence[int], words: Sequence[int]) -> list[int] | bool | None:
    """Return words if they answer a request, true if it must be sent again, None if neither."""
    packet = decode_packet(words)
    if not isinstance(packet, Packet):
        return True
    refused = packet.opcode == NAK_OPCODE
    if refused and packet.payload and packet.payload[0] in _DAMAGE:
        return True  # of whatever number: that may be what was damaged
    if packet.sequence != request[0] >> 8 & 0xFF:
        return None
    if not refused and packet.opcode != request[0] & 0xFF | RESPONSE_BIT:
        return None
    return list(words)
