"""What a training step sends over a serial line, counted from its packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tenzo.sw.device import Query
from tenzo.sw.link.framing import frame_bytes
from tenzo.sw.link.packet_schedule import schedule_runs
from tenzo.sw.link.requests import PacketRequest, parameter_requests
from tenzo.sw.packets import COUNTER_WORDS, LAYOUTS, Opcode
from tenzo.sw.planning.plan import Plan

BITS_PER_BYTE = 10
"""Bits of a byte on the line, start and stop included."""

_FRAMING_WORDS = 2
"""Header and CRC."""


@dataclass(frozen=True)
class LinkUse:
    """Packets and bytes of one training step.

    Parameters
    ----------
    packets : :class:`int`
    sent_bytes, received_bytes : :class:`int`
        Bytes on the line, frames included: at most, since byte stuffing adds one byte in 254
        where data holds no zeros.
    """

    packets: int
    sent_bytes: int
    received_bytes: int

    def seconds(self, baud: int) -> float:
        """Return the time on the line: a host waits for each response, so both ways add up."""
        return (self.sent_bytes + self.received_bytes) * BITS_PER_BYTE / baud


@dataclass(frozen=True)
class StepTime:
    """Time of one training step on a board, seconds.

    ``engine_seconds`` is what the engine computes or perturbs; it overlaps the line in part.
    """

    link_seconds: float
    engine_seconds: float

    @property
    def share(self) -> float:
        """Part of a step that the line takes, if nothing overlaps."""
        return self.link_seconds / (self.link_seconds + self.engine_seconds)


def step_link(plan: Plan, samples: int, queries: int) -> LinkUse:
    """Return what one training step sends and receives.

    Weights once, every wave's samples once, every query once a wave with its results, and the
    counters before and after.

    Parameters
    ----------
    plan : :class:`Plan`
    samples : :class:`int`
        Samples that each query evaluates.
    queries : :class:`int`
        Queries of the step.
    """
    engine, program = plan.engine, plan.program
    weights = np.zeros(program.parameter_count, dtype=np.int64)
    batch = np.zeros((samples, program.input_count), dtype=np.int64)
    asked = [Query()] * queries
    requests = chain(
        parameter_requests(program, engine, weights),
        _counters(engine.stage_slots),
        schedule_runs(program, engine, batch, asked),
        _counters(engine.stage_slots),
    )
    return _count(requests, engine.stage_slots)


def step_time(plan: Plan, samples: int, queries: int, clock_mhz: float, baud: int) -> StepTime:
    """Return the time of one training step with random directions."""
    waves = -(-samples // plan.engine.lane_count)
    cycles = queries * waves * max(plan.cycles, plan.parameter_count)
    link = step_link(plan, samples, queries)
    return StepTime(link.seconds(baud), cycles / (clock_mhz * 1e6))


def _counters(stage_slots: int) -> Iterator[PacketRequest]:
    """Yield the packets that read the counters."""
    yield PacketRequest(Opcode.READ_COUNTERS)
    fields = LAYOUTS[Opcode.READ_SATURATIONS].pack(first=0, count=stage_slots)
    yield PacketRequest(Opcode.READ_SATURATIONS, fields)


def _count(requests: Iterable[PacketRequest], stage_slots: int) -> LinkUse:
    packets = sent = received = 0
    for request in requests:
        packets += 1
        sent += frame_bytes(len(request.payload) + _FRAMING_WORDS)
        received += frame_bytes(_response_words(request, stage_slots) + _FRAMING_WORDS)
    return LinkUse(packets, sent, received)


def _response_words(request: PacketRequest, stage_slots: int) -> int:
    """Return the payload words of a response."""
    if request.opcode == Opcode.READ_COUNTERS:
        return len(COUNTER_WORDS)
    if request.opcode == Opcode.READ_SATURATIONS:
        return stage_slots
    return len(request.lanes) * len(request.outputs)
