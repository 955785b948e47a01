"""Devices for tests without a simulator: the Python model of an engine behind packets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.packet_device import PacketDevice


class EndpointTransport:
    """Answers each packet when it is sent, and keeps what was sent."""

    def __init__(self, engine: EngineParameters) -> None:
        self.endpoint = Endpoint(engine)
        self.sent: list[list[int]] = []
        self.allowed_cycles = 0

    def exchange(self, requests: Iterable[list[int]]) -> Iterator[list[int]]:
        for request in requests:
            self.sent.append(request)
            yield self.endpoint.exchange(request)

    def allow(self, cycles: int) -> None:
        self.allowed_cycles = cycles

    def close(self) -> None:
        pass


def endpoint_device(engine: EngineParameters) -> PacketDevice:
    return PacketDevice(engine, EndpointTransport(engine))


def faulty_device(
    engine: EngineParameters, fault: Callable[[Endpoint, Mapping[str, int]], None]
) -> PacketDevice:
    """A device that calls ``fault`` with its model and the query before each run."""
    transport = EndpointTransport(engine)
    core = transport.endpoint.core
    run = core.run

    def run_after_fault(query: Mapping[str, int], *counts: int) -> Any:
        fault(transport.endpoint, query)
        return run(query, *counts)

    setattr(core, "run", run_after_fault)  # noqa: B010
    return PacketDevice(engine, transport)
