"""The packets that load an engine, ask it and read it, before they are numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.packets import LAYOUTS, MAX_PAYLOAD_WORDS, Opcode, pack_values
from tenzo.sw.program import Program, Stage

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


def program_requests(program: Program, stage_count: int | None = None) -> Iterator[PacketRequest]:
    """Yield the packets that configure an engine and load a program.

    Parameters
    ----------
    program : :class:`Program`
    stage_count : :class:`int`, optional
        Descriptors that queries may run; those of the program unless given.
    """
    configuration = LAYOUTS[Opcode.CONFIGURE].pack(
        weight_count=program.weight_count,
        bias_count=program.bias_count,
        stage_count=len(program.stages) if stage_count is None else stage_count,
    )
    yield PacketRequest(Opcode.CONFIGURE, configuration)
    yield from stage_requests(program.stages)


def stage_requests(stages: Sequence[Stage]) -> Iterator[PacketRequest]:
    """Yield the packets that write descriptors from slot 0 on; all else in the engine stays."""
    layout = LAYOUTS[Opcode.WRITE_PROGRAM]
    words = [word for stage in stages for word in stage.encode()]
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


def check_samples(samples_raw: IntArray, program: Program, engine: EngineParameters) -> IntArray:
    """Return samples as an array; :class:`UserError` if they are not what a program takes."""
    samples = np.asarray(samples_raw)
    if samples.ndim != 2 or samples.shape[1] != program.input_count:
        raise UserError(
            f"samples must have shape (samples, {program.input_count}), not {samples.shape}"
        )
    _check_range("sample", samples, engine.activation.min_raw, engine.activation.max_raw)
    return samples


def sample_requests(
    samples: IntArray, base: int, engine: EngineParameters
) -> Iterator[PacketRequest]:
    """Yield the packets that write a wave's samples, one a lane, from a word on."""
    layout = LAYOUTS[Opcode.WRITE_SAMPLES]
    size = _block_values(layout.words, engine.activation.width)
    for lane, sample in enumerate(samples):
        for start in range(0, len(sample), size):
            values = sample[start : start + size].tolist()
            last = lane == len(samples) - 1 and start + size >= len(sample)
            fixed = layout.pack(
                lane=lane, address=base + start, count=len(values), complete=int(last)
            )
            data = pack_values(values, engine.activation.width)
            yield PacketRequest(Opcode.WRITE_SAMPLES, [*fixed, *data])


def query_request(
    query: Query, limits: tuple[int, int, int, int], active_lanes: int, sample_base: int
) -> PacketRequest:
    """Return the packet that queues a query.

    Parameters
    ----------
    query : :class:`Query`
    limits : four :class:`int`
        First and last parameter, first and last stage, as :meth:`Query.resolve` returns them.
    active_lanes, sample_base : :class:`int`
        Samples of the wave, and where they lie.
    """
    first, last, entry, stop = limits
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
        active_lanes=active_lanes,
        sample_base=sample_base,
    )
    return PacketRequest(Opcode.QUERY, payload)


def read_requests(run: QueryRun) -> Iterator[PacketRequest]:
    """Yield the packets that read and release the oldest query's results."""
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
