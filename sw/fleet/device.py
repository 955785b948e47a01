"""Several devices as one, with the bits of one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateOutputs, Counters, Device, Outputs, Query, loaded
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError
from tenzo.sw.fleet.member import LOST, Member
from tenzo.sw.fleet.shares import SHARES_PER_DEVICE, cut, cut_queries
from tenzo.sw.link.core_model import COUNTER_LIMIT
from tenzo.sw.link.packet_device import MOST_OUTPUTS
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.program import Program
from tenzo.sw.training.coordinates import coordinate_outputs

IntArray = npt.NDArray[np.int64]
Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)


class FleetDevice:
    """Device made of devices that share its work.

    All hold the same program and parameters. Queries are cut by whole waves of samples, and by
    queries where there are few waves; each device takes shares as it gets on. Outputs and counts do
    not depend on who computed what, so they are those of one device, but for the cycles of waiting.
    A device that is lost is left out from then on, and what it had not handed over by then is
    computed by the others.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Of every device.
    devices : sequence of :class:`Device`
        At least one; all must return the same integers. Closed by :meth:`close`.
    """

    def __init__(self, engine: EngineParameters, devices: Sequence[Device]) -> None:
        self.engine = engine
        self._members = [Member(device) for device in devices]
        self._name = ", ".join(device.name for device in devices)
        self._threads = ThreadPoolExecutor(len(devices), "device")
        self._program: Program | None = None
        self._counters = Counters.none(engine.stage_slots)

    @property
    def name(self) -> str:
        """Names of the devices that there were at the beginning."""
        return self._name

    @property
    def device_count(self) -> int:
        """Devices that are left."""
        return len(self._members)

    def load_program(self, program: Program) -> None:
        """Load a stage program into all devices; :class:`UserError` if it does not fit."""
        self._each(lambda member: member.load_program(program))
        self._program = program

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases, to all devices: raw integers of shape (parameter_count,)."""
        self._each(lambda member: member.device.write_parameters(parameters_raw))

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), raw activations.

        Returns
        -------
        Iterator of :class:`Outputs`, samples outer, queries inner.

        Raises
        ------
        UserError
            If samples or queries are not what the program and the engine take.
        LostDeviceError
            If no device is left.
        """
        program = loaded(self._program)
        for query in queries:
            query.resolve(program)
        shares = cut_queries(len(samples_raw), queries, self.engine.lane_count, len(self._members))

        def compute(device: Device, number: int) -> list[Outputs]:
            share = shares[number]
            return list(device.evaluate(samples_raw[share.samples], queries[share.queries]))

        for share, outputs in zip(shares, self._spread(len(shares), compute), strict=True):
            for item in outputs:
                query, sample = share.queries.start, share.samples.start
                yield Outputs(query + item.query, sample + item.first_sample, item.outputs_raw)

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate the network with one parameter changed, for every coordinate.

        Parameters
        ----------
        samples_raw : int64 array of shape (samples, inputs)
        coordinates : sequence of :class:`Coordinate`
            Those of one row together cost least.

        Returns
        -------
        Iterator of :class:`CoordinateOutputs`, in order.
        """
        outputs = max(1, len(samples_raw) * loaded(self._program).output_count)
        together = max(len(self._members), MOST_OUTPUTS // outputs)
        for first in range(0, len(coordinates), together):
            some = coordinates[first : first + together]
            shares = cut(len(some), SHARES_PER_DEVICE * len(self._members))

            def compute(
                device: Device,
                number: int,
                some: Sequence[Coordinate] = some,
                shares: Sequence[slice] = shares,
            ) -> list[CoordinateOutputs]:
                return list(coordinate_outputs(device, samples_raw, some[shares[number]]))

            for share, parts in zip(shares, self._spread(len(shares), compute), strict=True):
                for part in parts:
                    yield CoordinateOutputs(first + share.start + part.first, part.outputs_raw)

    def read_counters(self) -> Counters:
        """Return the sums of what the devices counted; ``saturations`` per stage of the program."""
        return self._counters.stopped(COUNTER_LIMIT, len(loaded(self._program).stages))

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._each(Member.clear_counters)
        self._counters = Counters.none(self.engine.stage_slots)

    def close(self) -> None:
        """Close all devices."""
        self._threads.shutdown()
        for member in self._members:
            member.close()

    def _each(self, work: Callable[[Member], object]) -> None:
        """Have every device do the same; at least one must."""
        self._gather([(member, self._threads.submit(work, member)) for member in self._members])

    def _spread(self, count: int, compute: Callable[[Device, int], Result]) -> Iterator[Result]:
        """Compute numbered shares on all devices; yield their results in order."""
        results: dict[int, Result] = {}
        while len(results) < count:
            waiting = deque(number for number in range(count) if number not in results)
            futures = [
                (member, self._threads.submit(member.work_off, waiting, compute))
                for member in self._members
            ]
            try:
                parts = self._gather(futures)
            finally:
                waiting.clear()  # after an interruption nothing more is begun
            for done, counted in parts:
                results.update(done)
                self._count(counted)
        for number in range(count):
            yield results.pop(number)

    def _gather(self, futures: Sequence[tuple[Member, Future[Any]]]) -> list[Any]:
        """Wait for every device, leave out those that are lost, and return what the others say."""
        failures = [future.exception() for _, future in futures]
        for failure in failures:
            if failure is not None and not isinstance(failure, LOST):
                raise failure
        for (member, _), failure in zip(futures, failures, strict=True):
            if failure is not None:
                self._drop(member, failure)
        return [future.result() for _, future in futures if future.exception() is None]

    def _drop(self, member: Member, error: BaseException) -> None:
        """Leave a device out."""
        self._members.remove(member)
        member.close()
        if not self._members:
            raise LostDeviceError(f"all devices are lost, the last one because {error}") from error
        left = f"the other {len(self._members)} go on" if self._members[1:] else "the other goes on"
        _LOG.warning("%s dropped out, %s: %s", member.device.name, left, error)

    def _count(self, counted: Counters) -> None:
        """Add what a device counted."""
        saturations = np.zeros(self.engine.stage_slots, np.int64)
        saturations[: len(counted.saturations)] = counted.saturations
        self._counters = self._counters.plus(replace(counted, saturations=saturations))
