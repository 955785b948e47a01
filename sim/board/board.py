"""``tenzo simulate-board``: the generated Verilog behind a serial port that programs can open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tenzo.hw.netlist import component_verilog
from tenzo.hw.serial_engine import SerialEngine
from tenzo.hw.uart import check_divisor
from tenzo.sim.board.process import BoardProcess, check_link
from tenzo.sim.build_cache import forget
from tenzo.sim.cache_limit import in_use
from tenzo.sim.compile import BuildError
from tenzo.sim.native.helper import StartError
from tenzo.sim.verilator import Build, build_native
from tenzo.sw.engine import MIN_DIVISOR, EngineParameters
from tenzo.sw.errors import UserError

TOP = "tenzo_simulated_board"
FLAGS = ("-fno-expand", "-fno-table")


@contextlib.contextmanager
def open_simulated_board(
    engine: EngineParameters,
    faults: float = 0.0,
    seed: int = 1,
    link: Path | None = None,
    divisor: int = MIN_DIVISOR,
) -> Iterator[BoardProcess]:
    """Build a board, or take it from the cache, and run it while a block runs.

    Parameters
    ----------
    engine : EngineParameters
    faults : float
        Probability that a byte is flipped, dropped, repeated or gets another one in front of it,
        in each direction.
    seed : int
        Which bytes, and how: the same faults for the same bytes.
    link : path, optional
        Symbolic link to make to the pseudo-terminal; removed at the end.
    divisor : int
        Clock cycles per bit.

    Yields
    ------
    BoardProcess
        ``port`` is what a host opens.

    Raises
    ------
    UserError
        If a value is out of range, a tool is missing, the cache cannot be written, the tools do not
        build the board, or no link can be made at ``link``.
    """
    if not 0 <= faults <= 1:
        raise UserError(f"faults must be a probability from 0 to 1, not {faults!r}")
    if not 0 <= seed < 1 << 63:
        raise UserError(f"seed must be from 0 to 2**63 - 1, not {seed!r}")
    try:
        check_divisor(divisor)
    except ValueError as error:
        raise UserError(str(error)) from None
    if link is not None:
        check_link(link)
    with contextlib.ExitStack() as held:
        board = _start(held, engine, divisor, faults, seed, link)
        held.callback(board.close)
        yield board


def build_board(engine: EngineParameters, divisor: int) -> Build:
    """Build the program of a board, or take it from the cache."""
    folder = Path(__file__).parent
    text = component_verilog(SerialEngine(engine, divisor), "tenzo_board")
    text += (folder / "wrapper.v").read_text()
    return build_native(text, TOP, folder / "loop.cpp", extra_args=FLAGS)


def _start(
    held: contextlib.ExitStack,
    engine: EngineParameters,
    divisor: int,
    faults: float,
    seed: int,
    link: Path | None,
) -> BoardProcess:
    """Start a board that stays in the cache; build it again if it does not start."""
    try:
        build = build_board(engine, divisor)
        try:
            held.enter_context(in_use(build.folder))
            return BoardProcess(build.program, divisor, faults, seed, link)
        except (StartError, FileNotFoundError):
            forget(build.folder)
            build = build_board(engine, divisor)
            held.enter_context(in_use(build.folder))
            return BoardProcess(build.program, divisor, faults, seed, link)
    except (BuildError, StartError) as error:
        lines = str(error).splitlines()
        told = (line for line in lines if line.startswith("%") or "error:" in line)
        said = next(told, lines[0])
        raise UserError(
            f"the simulator of this board cannot be built here: {said.strip()} "
            "('tenzo doctor' lists the tools)"
        ) from None
