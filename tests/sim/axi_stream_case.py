"""A small network for an engine behind AXI4-Stream: packets, and what golden makes of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.requests import (
    PacketRequest,
    QueryRun,
    parameter_requests,
    program_requests,
    query_request,
    read_requests,
    sample_requests,
)
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.packets import Opcode, encode_packet
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation

ENGINE = EngineParameters(
    Format(12, 9), Format(10, 7), 3, 2, 64, 64, 16, stage_slots=4, result_depth=8
)
NETWORK = Network(
    (
        Layer(4, 6, TensorTrain((2, 2), (3, 2), (1, 2, 1)), True, Activation.RELU),
        Layer(6, 4, Dense(), True),
    )
)
PROGRAM = plan(NETWORK, ENGINE).program
QUERIES = (
    Query(),
    Query(1, 0xC0FFEE, 9),
    Query(-1, 0xC0FFEE, 9),
    Query(1, 77, 5, Distribution.BINOMIAL, 4),
)


def values(kind: Format, *shape: int) -> npt.NDArray[np.int64]:
    """Return raw values of a format; the same in every run."""
    return np.random.default_rng(len(shape)).integers(kind.min_raw, kind.max_raw + 1, shape)


def identify_packet() -> list[int]:
    return encode_packet(Opcode.IDENTIFY, 0)


def packets() -> list[tuple[list[int], bool]]:
    """Return packets that load the network and ask all queries; true for those that read."""
    samples = values(ENGINE.activation, ENGINE.lane_count, PROGRAM.input_count)
    requests: list[PacketRequest] = [
        *program_requests(PROGRAM),
        *parameter_requests(PROGRAM, ENGINE, values(ENGINE.weight, PROGRAM.parameter_count)),
        *sample_requests(samples, PROGRAM.sample_bases[0], ENGINE),
    ]
    for index, query in enumerate(QUERIES):
        run = QueryRun(index, 0, 0, len(samples), PROGRAM.output_count)
        limits = query.resolve(PROGRAM)
        requests.append(query_request(query, limits, len(samples), PROGRAM.sample_bases[0]))
        requests += read_requests(run)
    return [
        (encode_packet(request.opcode, number + 1, request.payload), request.run is not None)
        for number, request in enumerate(requests)
    ]


def expected() -> list[list[int]]:
    """Return the results of each query, lane by lane, as words."""
    golden = GoldenDevice(ENGINE, "numpy")
    golden.load_program(PROGRAM)
    golden.write_parameters(values(ENGINE.weight, PROGRAM.parameter_count))
    samples = values(ENGINE.activation, ENGINE.lane_count, PROGRAM.input_count)
    found = {item.query: item.outputs_raw for item in golden.evaluate(samples, QUERIES)}
    return [(found[index] & 0xFFFFFFFF).ravel().tolist() for index in range(len(QUERIES))]
