"""The driver in C, compiled as strictly as can be, against the model and the simulated board."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.link.c_header import c_header
from tenzo.sw.link.framing import encode_frame
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.packets import NAK_OPCODE, NakCode, encode_packet
from tenzo.sw.planning.planner import plan
from tests.sim.axi_stream_case import ENGINE, PROGRAM, packets, values
from tests.sw.link.c_program import CProgram
from tests.sw.link.pty_engine import PtyEngine

SIGNED = ((), Query()), ((1, 99, 7), Query(1, 99, 7)), ((2, 99, 7), Query(-1, 99, 7))

# One value a word, blocks of several packets, and more results a lane than a packet holds.
WIDE = EngineParameters(
    Format(18, 14), Format(18, 15), 2, 1, 1024, 1024, 16, stage_slots=2, result_depth=300
)
WIDE_PROGRAM = plan(Network((Layer(300, 2, Dense()), Layer(2, 200, Dense()))), WIDE).program


@pytest.fixture(scope="module")
def compiler(require_tool: Callable[[str], str]) -> str:
    return require_tool("gcc")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, compiler: str) -> CProgram:
    folder = tmp_path_factory.mktemp("c")
    parameters = values(ENGINE.weight, PROGRAM.parameter_count)
    return CProgram(folder, compiler, PROGRAM, parameters, ENGINE)


def test_compiles_without_a_warning(program: CProgram) -> None:
    assert program.compiled.returncode == 0, program.compiled.stderr


@pytest.mark.parametrize(("options", "query"), SIGNED, ids=["unperturbed", "plus", "minus"])
def test_results_are_goldens(program: CProgram, options: tuple[int, ...], query: Query) -> None:
    samples = program.samples(2 * ENGINE.lane_count + 1)
    with PtyEngine(ENGINE) as engine:
        result = program.run(engine.port, samples, *options)
    assert result.stdout == program.expected(samples, query)
    assert result.stderr == "0 packets were sent again\n"


def test_results_are_goldens_on_a_line_that_damages_bytes(program: CProgram) -> None:
    samples = program.samples(40)
    with PtyEngine(ENGINE, rate=3e-3, seed=5) as engine:
        result = program.run(engine.port, samples)
    assert engine.faults.count > 5
    assert result.stdout == program.expected(samples, Query())
    assert not result.stderr.startswith("0 ")


@pytest.mark.parametrize("zeros", [True, False])
def test_wide_values_and_long_blocks_are_goldens(
    tmp_path: Path, compiler: str, zeros: bool
) -> None:
    parameters = values(WIDE.weight, WIDE_PROGRAM.parameter_count)
    # Without a zero byte both ways: blocks of the line that are full.
    parameters = parameters if zeros else np.full_like(parameters, -5000)
    program = CProgram(tmp_path, compiler, WIDE_PROGRAM, parameters, WIDE)
    samples = program.samples(3) if zeros else np.full((3, 300), -1000)
    expected = program.expected(samples, Query())
    assert zeros or b"\0" not in np.array(expected.split(), np.int32).tobytes()
    with PtyEngine(WIDE) as engine:
        result = program.run(engine.port, samples)
    assert result.stdout == expected, result.stderr


def test_queries_of_an_earlier_host_are_released(program: CProgram) -> None:
    samples = program.samples(1)
    with PtyEngine(ENGINE) as engine:
        for packet, reads in packets():
            if not reads:
                engine.endpoint.exchange(packet)
        result = program.run(engine.port, samples)
    assert result.stdout == program.expected(samples, Query()), result.stderr


def test_another_engine_is_an_error(program: CProgram) -> None:
    with PtyEngine(replace(ENGINE, bias_depth=17)) as engine:
        result = program.run(engine.port, program.samples(1))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "identify: error -5, see tenzo_driver.h\n"


def test_refusal_is_an_error_with_its_code(program: CProgram) -> None:
    def answer(words: list[int]) -> bytes:
        if words[0] & 0xFF == 2:
            return encode_frame(encode_packet(NAK_OPCODE, words[0] >> 8 & 255, [NakCode.ADDRESS]))
        return encode_frame(engine.endpoint.exchange(words))

    with PtyEngine(ENGINE, answer=answer) as engine:
        result = program.run(engine.port, program.samples(1))
    assert result.stderr == f"configure: error {NakCode.ADDRESS:d}, see tenzo_driver.h\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x y", "there is something that is no integer"),
        ("1 0.5", "there is something that is no integer"),
        ("1", "the last sample is not complete"),
        ("32768", "a value is out of range"),
        ("-32769", "a value is out of range"),
        ("99999999999", "a value is out of range"),
    ],
)
def test_input_that_is_no_sample_is_refused(program: CProgram, text: str, sentence: str) -> None:
    with PtyEngine(ENGINE) as engine:
        result = program.run_text(engine.port, text)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"standard input: {sentence}\n"


def test_network_of_another_engine_does_not_compile(tmp_path: Path, compiler: str) -> None:
    header = c_header(replace(ENGINE, bias_depth=17))
    parameters = values(ENGINE.weight, PROGRAM.parameter_count)
    wrong = CProgram(tmp_path, compiler, PROGRAM, parameters, ENGINE, header)
    assert wrong.compiled.returncode != 0
    assert re.search("tenzo.h is of another engine", wrong.compiled.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("faults", [0.0, 1e-3])
def test_simulated_board_gives_goldens_results(program: CProgram, faults: float) -> None:
    from tenzo.sim.board.board import open_simulated_board

    samples = program.samples(40 if faults else 4)
    with open_simulated_board(ENGINE, faults, seed=3) as board:
        result = program.run(board.port, samples, 1, 99, 7)
        traffic = board.close()
    assert result.stdout == program.expected(samples, Query(1, 99, 7)), result.stderr
    assert traffic is not None and (traffic.damaged_bytes > 0) == (faults > 0)
