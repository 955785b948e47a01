"""Numbered packets over a transport: each is answered, and a refusal becomes an exception."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import DeviceError, UserError
from tenzo.sw.link.requests import PacketRequest, QueryRun
from tenzo.sw.packets import (
    NAK_OPCODE,
    RESPONSE_BIT,
    NakCode,
    Opcode,
    Packet,
    decode_packet,
    encode_packet,
)

IntArray = npt.NDArray[np.int64]


class RefusedError(UserError):
    """The engine is not ready for a packet, or has no room for what it asks."""


class EmptyError(DeviceError):
    """No query is outstanding."""


_REFUSALS: dict[NakCode, type[Exception]] = {
    NakCode.ADDRESS: RefusedError,
    NakCode.VALUE: RefusedError,
    NakCode.NOT_READY: RefusedError,
    NakCode.EMPTY: EmptyError,
}


class Transport(Protocol):
    """Carries packets to an engine and its responses back."""

    def exchange(self, requests: Iterable[list[int]]) -> Iterable[list[int]]:
        """Send packets back to back and yield the response to each, in order.

        Packets and responses are lists of unsigned 32-bit words, header to CRC. A transport may
        take several requests before it yields the first response: the engine holds back what it
        cannot take yet.
        """
        ...

    def allow(self, cycles: int) -> None:
        """Take note that an engine may compute for some clock cycles before it responds."""
        ...

    def close(self) -> None:
        """Release the link."""
        ...


class Session:
    """Exchange of packets with one engine.

    Parameters
    ----------
    transport : :class:`Transport`

    Attributes
    ----------
    queries : :class:`int`
        Queries that the engine accepted.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.queries = 0
        self._sequence = -1
        self._refusal: Exception | None = None

    @property
    def refused(self) -> bool:
        """Whether a packet of the exchange that is going on was refused."""
        return self._refusal is not None

    def command(self, request: PacketRequest) -> tuple[int, ...]:
        """Send one packet and return the payload of its response."""
        return self.commands([request])[0]

    def commands(self, requests: Iterable[PacketRequest]) -> list[tuple[int, ...]]:
        """Send packets and return the payloads of their responses."""
        return [payload for _, payload in self.exchange(requests)]

    def results(self, requests: Iterable[PacketRequest]) -> Iterator[tuple[QueryRun, IntArray]]:
        """Send packets; yield each run that is read with its results, int64 (samples, outputs)."""
        parts: list[tuple[PacketRequest, tuple[int, ...]]] = []
        for request, payload in self.exchange(requests):
            if request.run is None:
                continue
            parts.append((request, payload))
            if request.completes:
                yield request.run, _join(request.run, parts)
                parts = []

    def exchange(
        self, requests: Iterable[PacketRequest]
    ) -> Iterator[tuple[PacketRequest, tuple[int, ...]]]:
        """Number, send and check packets; the first NAK is raised after all have been answered."""
        self._refusal = None
        pending: deque[tuple[PacketRequest, int]] = deque()

        def packets() -> Iterator[list[int]]:
            for request in requests:
                self._sequence = self._sequence % 255 + 1 if self._sequence >= 0 else 0
                pending.append((request, self._sequence))
                yield encode_packet(request.opcode, self._sequence, request.payload)

        for words in self.transport.exchange(packets()):
            request, sequence = pending.popleft()
            try:
                payload = _response(request.opcode, sequence, words)
            except (UserError, DeviceError) as error:
                self._refusal = self._refusal or error
                continue
            self.queries += request.opcode == Opcode.QUERY
            if self._refusal is None:
                yield request, payload
        if self._refusal is not None:
            raise self._refusal


def _join(run: QueryRun, parts: Sequence[tuple[PacketRequest, tuple[int, ...]]]) -> IntArray:
    """Join the results of one run, read in one or several packets."""
    results = np.empty((run.sample_count, run.output_count), dtype=np.int64)
    for request, payload in parts if run.output_count else ():
        block = np.array(payload, dtype=np.uint32).astype(np.int32)
        shape = len(request.lanes), len(request.outputs)
        results[np.ix_(request.lanes, request.outputs)] = block.reshape(shape)
    return results


def _response(opcode: Opcode, sequence: int, words: Sequence[int]) -> tuple[int, ...]:
    """Return the payload of a good response; raise for a NAK, or one that no engine gives."""
    packet = decode_packet(words)
    if not isinstance(packet, Packet):
        raise DeviceError(f"the response to {opcode.name} is damaged: {packet.name}")
    if packet.sequence != sequence:
        raise DeviceError(
            f"the response to {opcode.name} has sequence number {packet.sequence}, not {sequence}"
        )
    if packet.opcode == NAK_OPCODE:
        raise _refusal(opcode, packet.payload)
    if packet.opcode != opcode | RESPONSE_BIT:
        raise DeviceError(f"the response to {opcode.name} has opcode {packet.opcode:#04x}")
    return packet.payload


def _refusal(opcode: Opcode, payload: Sequence[int]) -> Exception:
    """Return what a NAK means."""
    known = len(payload) == 1 and payload[0] in list(NakCode)
    if not known:
        return DeviceError(f"the engine refused {opcode.name} without a reason that is known")
    code = NakCode(payload[0])
    kind = _REFUSALS.get(code, DeviceError)
    return kind(f"the engine refused {opcode.name}: {code.name}")
