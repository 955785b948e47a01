"""From a design to a folder with a bitstream: runs the tools, searches, writes what came out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tenzo.boards.clocks import mhz_text
from tenzo.boards.constraints import SUFFIXES
from tenzo.boards.design import Design
from tenzo.boards.outcome import Outcome, read_outcome
from tenzo.boards.running import NoRoomError, Progress, Silence, require_tools, run_step
from tenzo.boards.steps import (
    BITSTREAMS,
    NAME,
    REPORT,
    Step,
    all_steps,
    packing,
    placement,
    synthesis,
)
from tenzo.sw.errors import UserError

FIRST_SEED = 1
"""Seed of the first attempt at placing."""


class TimingMissError(RuntimeError):
    """The clock was not reached: one sentence with what was, and what to do."""


@dataclass(frozen=True)
class Attempt:
    """One run of place-and-route."""

    lanes: int
    seed: int
    outcome: Outcome


@dataclass
class Built:
    """A bitstream and how it came about.

    Parameters
    ----------
    design : :class:`Design`
    outcome : :class:`Outcome`
    seed : :class:`int`
    bitstream : :class:`bytes`
    attempts : list of :class:`Attempt`
        All of them, in order; the bitstream is one's.
    seconds : mapping of :class:`float`
        Time that each kind of step took, all attempts together.
    """

    design: Design
    outcome: Outcome
    seed: int
    bitstream: bytes
    attempts: list[Attempt] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that make this bitstream out of the files beside it."""
        return tuple(all_steps(self.design.board, self.design.clock_mhz, self.seed))


def build(
    designs: Iterator[Design] | Sequence[Design],
    *,
    seeds: int = 1,
    allow_timing_miss: bool = False,
    progress: Progress | None = None,
) -> Built:
    """Make a bitstream.

    Parameters
    ----------
    designs : iterable of :class:`Design`
        The one that is wanted most first; each of the others is tried where those before it miss
        their clock.
    seeds : :class:`int`
        Most attempts at placing each design; the first that reaches the clock is taken.
    allow_timing_miss : :class:`bool`
        Take the fastest attempt at the first design where none reaches the clock.
    progress : :class:`Progress`, optional

    Raises
    ------
    TimingMissError
        If no attempt reaches the clock.
    UserError
        If a tool is missing or fails.
    OSError
        If the disk is full.
    """
    attempts: list[Attempt] = []
    seconds: dict[str, float] = {}
    best: Built | None = None
    with TemporaryDirectory(prefix="tenzo-build-") as name:
        folder = Path(name)
        for design in designs:
            require_tools(all_steps(design.board, design.clock_mhz, FIRST_SEED))
            made = _Runner(design, folder, progress or Silence(), attempts, seconds)
            tried = made.search(seeds)
            if tried.outcome.meets or allow_timing_miss:
                return tried
            if best is None or tried.outcome.achieved_mhz > best.outcome.achieved_mhz:
                best = tried
    if best is None:
        raise ValueError("designs must hold at least one design")
    raise TimingMissError(_miss(best))


def _miss(built: Built) -> str:
    """Return what was reached, and what to do."""
    design, reached = built.design, built.outcome.achieved_mhz
    count = len(built.attempts)
    tries = "1 attempt" if count == 1 else f"{count} attempts"
    return (
        f"{design.board.name} with {_lanes(design)} reaches {reached:.1f} MHz in "
        f"{tries}, not the {mhz_text(design.clock_mhz)} MHz asked for: choose a slower --clock or "
        "fewer --lanes, search with --effort, or accept it with --allow-timing-miss"
    )


def _lanes(design: Design) -> str:
    """Return a design's lanes in words."""
    count = design.engine.lane_count
    return "1 lane" if count == 1 else f"{count} lanes"


class _Runner:
    """Runs the steps of one design in a folder."""

    def __init__(
        self,
        design: Design,
        folder: Path,
        progress: Progress,
        attempts: list[Attempt],
        seconds: dict[str, float],
    ) -> None:
        self.design, self.folder, self.progress = design, folder, progress
        self.attempts, self.seconds = attempts, seconds

    def search(self, seeds: int) -> Built:
        """Synthesise, then place with one seed after the other; return the best."""
        design, board = self.design, self.design.board
        (self.folder / f"{NAME}.v").write_text(design.verilog)
        suffix = SUFFIXES[board.family.name]
        (self.folder / f"{NAME}{suffix}").write_text(design.constraints)
        self._run(synthesis(board))
        best = self._try(FIRST_SEED)
        for seed in range(FIRST_SEED + 1, FIRST_SEED + seeds):
            if best.outcome.meets:
                break
            best = max(best, self._try(seed), key=lambda built: built.outcome.achieved_mhz)
        return best

    def _try(self, seed: int) -> Built:
        """Place, route and pack with one seed."""
        design, board = self.design, self.design.board
        self._place(placement(board, design.clock_mhz, seed))
        outcome = read_outcome(self.folder / REPORT, board, design.clock_mhz)
        self.attempts.append(Attempt(design.engine.lane_count, seed, outcome))
        self._run(packing(board))
        data = (self.folder / BITSTREAMS[board.family.name]).read_bytes()
        return Built(design, outcome, seed, data, self.attempts, self.seconds)

    def _place(self, step: Step) -> None:
        """Place and route; say what to do where there is no room."""
        design = self.design
        lanes = design.engine.lane_count
        try:
            self._run(step)
        except NoRoomError as error:
            remedy = "choose a larger board" if lanes == 1 else "choose fewer --lanes"
            raise UserError(
                f"{design.config.name} with {_lanes(design)} finds no room on "
                f"{design.board.name} ({error}): {remedy}"
            ) from error

    def _run(self, step: Step) -> None:
        """Run a step and add its time."""
        start = time.monotonic()
        run_step(step, self.folder, self.progress)
        spent = time.monotonic() - start
        self.seconds[step.title] = self.seconds.get(step.title, 0.0) + spent
