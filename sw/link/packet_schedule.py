"""The packets that load and run a program, in the order that keeps an engine busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.packets import (
    LAYOUTS,
    MAX_OUTSTANDING_QUERIES,
    MAX_PAYLOAD_WORDS,
    Opcode,
    pack_values,
)
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

_SIGN_CODES = {0: 0, 1: 1, -1: 2}


@dataclass(frozen=True)
class QueryRun:
    """One query on one wave of samples."""

    query: int
    wave: int
    first_sample: int
    sample_count: int
    output_count: int


@dataclass(frozen=True)
class PacketRequest:
    """A packet yet to be numbered, and what its response holds.

    ``run`` is set for packets that read results: the block ``[lanes, outputs]`` of that run, the
    last one if ``completes``.
    """

    opcode: Opcode
    payload: Sequence[int] = ()
    run: QueryRun | None = None
    lanes: range = range(0)
    outputs: range = range(0)
    completes: bool = False


def program_requests(program: Program) -> Iterator[PacketRequest]:
    """Yield the packets that configure an engine and load a program."""
    configuration = LAYOUTS[Opcode.CONFIGURE].pack(
        weight_count=program.weight_count,
        bias_count=program.bias_count,
        stage_count=len(program.stages),
    )
    yield PacketRequest(Opcode.CONFIGURE, configuration)
    layout = LAYOUTS[Opcode.WRITE_PROGRAM]
    words = program.encode()
    size = MAX_PAYLOAD_WORDS - layout.words
    for address in range(0, len(words), size):
        block = words[address : address + size]
        complete = address + size >= len(words)
        fixed = layout.pack(address=address, complete=int(complete))
        yield PacketRequest(Opcode.WRITE_PROGRAM, [*fixed, *block])


def parameter_requests(
    program: Program, engine: EngineParameters, parameters_raw: IntArray
) -> Iterator[PacketRequest]:
    """Yield the packets that write all weights, then all biases.

    Raises
    ------
    UserError
        If the vector has another length, or a value leaves the weight format.
    """
    values = np.asarray(parameters_raw)
    if values.shape != (program.parameter_count,):
        raise UserError(
            f"parameters must have shape ({program.parameter_count},), not {values.shape}"
        )
    _check_range("parameter", values, engine.weight.min_raw, engine.weight.max_raw)
    layout = LAYOUTS[Opcode.WRITE_PARAMETERS]
    size = _block_values(layout.words, engine.weight.width)
    blocks = [
        (0, a, min(a + size, program.weight_count)) for a in range(0, program.weight_count, size)
    ]
    blocks += [
        (1, a, min(a + size, program.bias_count)) for a in range(0, program.bias_count, size)
    ]
    for bias, start, stop in blocks or [(0, 0, 0)]:
        offset = bias * program.weight_count
        fixed = layout.pack(
            address=start,
            bias=bias,
            complete=int(not blocks or (bias, start, stop) == blocks[-1]),
            count=stop - start,
        )
        data = pack_values(values[offset + start : offset + stop].tolist(), engine.weight.width)
        yield PacketRequest(Opcode.WRITE_PARAMETERS, [*fixed, *data])


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
    samples = np.asarray(samples_raw)
    if samples.ndim != 2 or samples.shape[1] != program.input_count:
        raise UserError(
            f"samples must have shape (samples, {program.input_count}), not {samples.shape}"
        )
    _check_range("sample", samples, engine.activation.min_raw, engine.activation.max_raw)
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
        layout = LAYOUTS[Opcode.WRITE_SAMPLES]
        size = _block_values(layout.words, self.engine.activation.width)
        for lane, sample in enumerate(range(first, stop)):
            for start in range(0, self.program.input_count, size):
                values = self.samples[sample, start : start + size].tolist()
                last = sample == stop - 1 and start + size >= self.program.input_count
                fixed = layout.pack(
                    lane=lane, address=base + start, count=len(values), complete=int(last)
                )
                data = pack_values(values, self.engine.activation.width)
                yield PacketRequest(Opcode.WRITE_SAMPLES, [*fixed, *data])
        self.loaded += 1

    def _query(self, wave: int, index: int, query: Query) -> PacketRequest:
        """Return the packet that queues a query on a wave."""
        first, last, entry, stop = query.resolve(self.program)
        first_sample, stop_sample = self._wave_samples(wave)
        bases = self.program.sample_bases
        payload = LAYOUTS[Opcode.QUERY].pack(
            distribution=int(query.distribution),
            bits=query.bits,
            sign=_SIGN_CODES[query.sign],
            seed=query.seed,
            epsilon_raw=query.epsilon_raw,
            first=first,
            last=last,
            entry=entry,
            stop=stop,
            active_lanes=stop_sample - first_sample,
            sample_base=bases[wave % len(bases)],
        )
        outputs = self.program.results_of(entry, stop)
        run = QueryRun(index, wave, first_sample, stop_sample - first_sample, outputs)
        self.outstanding.append(run)
        return PacketRequest(Opcode.QUERY, payload)

    def _read_oldest(self) -> Iterator[PacketRequest]:
        """Yield the packets that read and release the oldest query's results."""
        run = self.outstanding.popleft()
        # Without outputs a block of one, which nobody looks at, carries the release.
        size = (run.sample_count, run.output_count) if run.output_count else (1, 1)
        blocks = list(_result_blocks(*size))
        for index, (lanes, outputs) in enumerate(blocks):
            completes = index == len(blocks) - 1
            payload = LAYOUTS[Opcode.READ_RESULTS].pack(
                first_lane=lanes.start,
                lane_count=len(lanes),
                first_output=outputs.start,
                output_count=len(outputs),
                release=int(completes),
            )
            yield PacketRequest(Opcode.READ_RESULTS, payload, run, lanes, outputs, completes)


def _result_blocks(lane_count: int, output_count: int) -> Iterator[tuple[range, range]]:
    """Cut lanes x outputs into blocks that fit a response."""
    columns = min(output_count, MAX_PAYLOAD_WORDS)
    rows = MAX_PAYLOAD_WORDS // columns
    for lane in range(0, lane_count, rows):
        for output in range(0, output_count, columns):
            yield (
                range(lane, min(lane + rows, lane_count)),
                range(output, min(output + columns, output_count)),
            )


def _block_values(fixed_words: int, width: int) -> int:
    """Return how many values of a width fit a packet beside its fixed words."""
    return (MAX_PAYLOAD_WORDS - fixed_words) * (2 if width <= 16 else 1)


def _check_range(name: str, values: IntArray, low: int, high: int) -> None:
    """Raise :class:`UserError` for the first value outside a format."""
    bad = values[(values < low) | (values > high)]
    if bad.size:
        raise UserError(f"{name} values must be {low} to {high}, not {int(bad.flat[0])!r}")
