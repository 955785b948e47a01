"""The packets that run queries on samples, in the order that keeps an engine busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.requests import (
    PacketRequest,
    QueryRun,
    check_samples,
    query_request,
    read_requests,
    sample_requests,
)
from tenzo.sw.packets import MAX_OUTSTANDING_QUERIES
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]


def schedule_runs(
    program: Program,
    engine: EngineParameters,
    samples_raw: IntArray,
    queries: Sequence[Query],
    abandoned: Callable[[], bool] = lambda: False,
) -> Iterator[PacketRequest]:
    """Yield the packets that run all queries on all samples, waves outer, queries inner.

    At most :data:`MAX_OUTSTANDING_QUERIES` queries are outstanding. A wave's samples are written
    when every query of the wave that last used the same sample region has been read: with two
    regions while the present wave's queries run.

    Parameters
    ----------
    samples_raw : integer array of shape (samples, inputs), raw activations
    abandoned : callable
        Once it returns true no further query is queued; those outstanding are still read.
    """
    samples = check_samples(samples_raw, program, engine)
    yield from _Schedule(program, engine, samples, queries).requests(abandoned)


class _Schedule:
    """State of :func:`schedule_runs`: what is loaded and what is outstanding."""

    def __init__(
        self,
        program: Program,
        engine: EngineParameters,
        samples: IntArray,
        queries: Sequence[Query],
    ) -> None:
        self.program, self.engine = program, engine
        self.samples, self.queries = samples, queries
        self.wave_count = -(-len(samples) // engine.lane_count) if queries else 0
        self.outstanding: deque[QueryRun] = deque()
        self.loaded = 0

    def requests(self, abandoned: Callable[[], bool]) -> Iterator[PacketRequest]:
        """Yield all packets."""
        for wave in range(self.wave_count):
            for index, query in enumerate(self.queries):
                if abandoned():
                    break
                if len(self.outstanding) == MAX_OUTSTANDING_QUERIES:
                    yield from self._read_oldest()
                while self.loaded <= wave:
                    yield from self._free_region()
                    yield from self._load_next()
                yield self._query(wave, index, query)
                if len(self.program.sample_bases) > 1 and self._can_load():
                    yield from self._load_next()
        while self.outstanding:
            yield from self._read_oldest()

    def _wave_samples(self, wave: int) -> tuple[int, int]:
        """Return the first sample of a wave and the one after its last."""
        first = wave * self.engine.lane_count
        return first, min(first + self.engine.lane_count, len(self.samples))

    def _can_load(self) -> bool:
        """Whether another wave exists and no outstanding query reads the region it goes to."""
        if self.loaded >= self.wave_count:
            return False
        previous = self.loaded - len(self.program.sample_bases)
        return all(run.wave > previous for run in self.outstanding)

    def _free_region(self) -> Iterator[PacketRequest]:
        """Read results until the next wave's sample region is free."""
        while not self._can_load():
            yield from self._read_oldest()

    def _load_next(self) -> Iterator[PacketRequest]:
        """Yield the packets that write the next wave's samples, lane by lane."""
        first, stop = self._wave_samples(self.loaded)
        base = self.program.sample_bases[self.loaded % len(self.program.sample_bases)]
        yield from sample_requests(self.samples[first:stop], base, self.engine)
        self.loaded += 1

    def _query(self, wave: int, index: int, query: Query) -> PacketRequest:
        """Return the packet that queues a query on a wave."""
        limits = query.resolve(self.program)
        first_sample, stop_sample = self._wave_samples(wave)
        samples = stop_sample - first_sample
        outputs = self.program.results_of(*limits[2:])
        self.outstanding.append(QueryRun(index, wave, first_sample, samples, outputs))
        bases = self.program.sample_bases
        return query_request(query, limits, samples, bases[wave % len(bases)])

    def _read_oldest(self) -> Iterator[PacketRequest]:
        """Yield the packets that read and release the oldest query's results."""
        yield from read_requests(self.outstanding.popleft())
