"""Settings of phase-locked loops: one clock made from another, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache

from tenzo.boards.board import Board
from tenzo.sw.errors import UserError

LEAST_MHZ, MOST_MHZ = 10, 1000
"""Slowest and fastest clock that can be asked for; a host's time-outs count on the slowest."""


@dataclass(frozen=True)
class PllSettings:
    """What a phase-locked loop divides and multiplies by.

    The oscillator runs at ``input * multiplier / divider``, the output at that divided by
    ``output_divider``; with rPLL the output is the first and the oscillator a multiple of it.
    All clocks in megahertz.

    Parameters
    ----------
    divider, multiplier, output_divider : :class:`int`
    input_mhz, output_mhz : :class:`fractions.Fraction`
    oscillator_mhz : :class:`fractions.Fraction`
        Clock of the loop's own oscillator.
    """

    divider: int
    multiplier: int
    output_divider: int
    input_mhz: Fraction
    output_mhz: Fraction
    oscillator_mhz: Fraction

    @property
    def phase_mhz(self) -> Fraction:
        """Clock at which phases are compared."""
        return self.input_mhz / self.divider


@dataclass(frozen=True)
class _Limits:
    """Ranges of one kind of loop; clocks in megahertz."""

    dividers: range
    multipliers: range
    output_dividers: tuple[int, ...]
    phase: tuple[float, float]
    oscillator: tuple[float, float]
    output: tuple[float, float]
    oscillator_is_output_times: bool = False


_LIMITS = {
    "EHXPLLL": _Limits(
        range(1, 129), range(1, 81), tuple(range(1, 129)), (10, 400), (400, 800), (3.125, 400)
    ),
    "SB_PLL40": _Limits(
        range(1, 17), range(1, 129), (2, 4, 8, 16, 32, 64), (10, 133), (533, 1066), (16, 275)
    ),
    # The multiplier is in the feedback of the divided output: the oscillator is output * divider.
    "rPLL": _Limits(
        range(1, 65), range(1, 65), (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128),
        (3, 400), (400, 1200), (3.125, 600), True,
    ),
    "PLLE2_BASE": _Limits(
        range(1, 57), range(2, 65), tuple(range(1, 129)), (19, 450), (800, 1600), (6.25, 800)
    ),
}  # fmt: skip


def find_pll(board: Board, target_mhz: Fraction) -> PllSettings | None:
    """Return settings of a board's loop for a clock; None if the board has that clock already.

    Of all settings the one with the fastest phase comparison is taken, then the one whose
    oscillator is nearest the middle of its range.

    Raises
    ------
    UserError
        If no settings make exactly this clock; the sentence names the nearest that can be made.
    """
    if target_mhz == board.input_mhz:
        return None
    made = _all_settings(_kind(board.pll), board.input_mhz)
    if target_mhz in made:
        return made[target_mhz]
    raise UserError(
        f"the {board.pll} of {board.name} cannot make {mhz_text(target_mhz)} MHz from "
        f"{mhz_text(board.input_mhz)} MHz: {_remedy(board, target_mhz)}"
    )


def _remedy(board: Board, target_mhz: Fraction) -> str:
    """Return which clocks to choose instead of one: the nearest that a build accepts."""
    clocks = _proposed_clocks(board)
    below = max((clock for clock in clocks if clock < target_mhz), default=None)
    above = min((clock for clock in clocks if clock > target_mhz), default=None)
    near = " or ".join(mhz_text(clock) for clock in (below, above) if clock is not None)
    return f"choose {near} MHz, or leave out --clock for {mhz_text(board.default_mhz)} MHz"


@cache
def _proposed_clocks(board: Board) -> list[Fraction]:
    """Return the clocks that a board makes, that have a baud rate, and that are as printed."""
    made = {board.input_mhz, *_all_settings(_kind(board.pll), board.input_mhz)}
    return [
        clock
        for clock in made
        if LEAST_MHZ <= clock <= MOST_MHZ
        and _first_baud(board, clock) is not None
        and Fraction(mhz_text(clock)) == clock
    ]


def _kind(primitive: str) -> str:
    """Return the name in the table: the iCE40's loop has a primitive for each kind of input."""
    return primitive.removesuffix("_CORE").removesuffix("_PAD")


@cache
def _all_settings(kind: str, input_mhz: Fraction) -> dict[Fraction, PllSettings]:
    """Return the best settings for every clock that a loop makes."""
    limits = _LIMITS[kind]
    middle = sum(limits.oscillator) / 2
    best: dict[Fraction, PllSettings] = {}

    def order(settings: PllSettings) -> tuple[Fraction, float]:
        return -settings.phase_mhz, abs(float(settings.oscillator_mhz) - middle)

    for settings in _candidates(limits, input_mhz):
        known = best.get(settings.output_mhz)
        if known is None or order(settings) < order(known):
            best[settings.output_mhz] = settings
    return best


def _candidates(limits: _Limits, input_mhz: Fraction) -> Iterator[PllSettings]:
    """Yield all settings within the limits."""
    for divider in limits.dividers:
        phase = input_mhz / divider
        if not limits.phase[0] <= phase <= limits.phase[1]:
            continue
        for multiplier in limits.multipliers:
            fast = phase * multiplier
            for output_divider in limits.output_dividers:
                inside = limits.oscillator_is_output_times
                output = fast if inside else fast / output_divider
                oscillator = fast * output_divider if inside else fast
                if _within(output, limits.output) and _within(oscillator, limits.oscillator):
                    yield PllSettings(
                        divider, multiplier, output_divider, input_mhz, output, oscillator
                    )


def _within(clock: Fraction, limits: tuple[float, float]) -> bool:
    return limits[0] <= clock <= limits[1]


def find_baud(board: Board, clock_mhz: Fraction, wanted: int | None = None) -> tuple[int, int]:
    """Return a baud rate and the clock cycles of one bit, exactly.

    Parameters
    ----------
    board : :class:`Board`
    clock_mhz : :class:`fractions.Fraction`
        Clock of the engine.
    wanted : :class:`int`, optional
        Baud rate; else the fastest up to the board's default that divides the clock.

    Raises
    ------
    UserError
        If the rate does not divide the clock, or the board's bridge does not make it; without
        ``wanted`` the sentence names the nearest clocks that have a rate.
    """
    if wanted is None:
        wanted = _first_baud(board, clock_mhz)
        if wanted is None:
            raise UserError(
                f"no baud rate of {board.name} divides {mhz_text(clock_mhz)} MHz: "
                f"{_remedy(board, clock_mhz)}"
            )
    elif wanted not in _exact_bauds(board, clock_mhz):
        listed = ", ".join(map(str, _exact_bauds(board, clock_mhz))) or "none at this clock"
        raise UserError(f"--baud must divide the clock; for {board.name} use {listed}")
    return wanted, int(clock_mhz * 1_000_000 / wanted)


def _exact_bauds(board: Board, clock_mhz: Fraction) -> list[int]:
    """Return the baud rates that divide a clock, fastest first."""
    from tenzo.sw.engine import MIN_DIVISOR

    clock = clock_mhz * 1_000_000
    return [baud for baud in board.bauds if clock % baud == 0 and clock >= baud * MIN_DIVISOR]


def _first_baud(board: Board, clock_mhz: Fraction) -> int | None:
    """Return the baud rate that a build takes by itself, if there is one."""
    exact = _exact_bauds(board, clock_mhz)
    return next((baud for baud in exact if baud <= board.default_baud), None)


def parse_mhz(text: str) -> Fraction:
    """Return a clock in megahertz; :class:`UserError` if the text is none that a board can have."""
    try:
        clock = Decimal(text)  # compared before its digits are written out: 1e999999999 has many
        if LEAST_MHZ <= clock <= MOST_MHZ:
            return Fraction(clock)
    except InvalidOperation:  # no number, or one that cannot be compared
        pass
    raise UserError(
        f"--clock must be a number of megahertz from {LEAST_MHZ} to {MOST_MHZ}, for example 50, "
        f"not {text!r}"
    )


def mhz_text(clock: Fraction) -> str:
    """Return a clock as people write it."""
    return f"{float(clock):.6g}"
