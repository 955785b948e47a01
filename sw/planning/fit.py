"""The largest engine of a network that fits a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.resources import Use, engine_use, memory_needs
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.planning.sizing import least_engine, least_lane_depth

if TYPE_CHECKING:
    from tenzo.boards.board import Board

SIZES = (
    *("lane_count", "lane_depth", "weight_depth", "bias_depth", "stage_slots", "result_depth"),
    *("table_units", "requantizer_sharing"),
)
"""Parameters of an engine that a board decides."""

_DEPTHS = ("lane_depth", "weight_depth", "bias_depth", "result_depth")

_SHARINGS = (1, 2, 4)
"""Lanes of a requantizer to choose from; with more, stages of few terms wait for it."""

_FAST_ENOUGH = 0.92
"""Part of the best throughput from which fewer LUTs count more: they are easier to route."""


@dataclass(frozen=True)
class Fit:
    """The largest engine of a network that fits a board, or why there is none.

    Parameters
    ----------
    board : :class:`Board`
    engine : :class:`EngineParameters`, optional
        The engine; None if the network does not fit.
    use : :class:`Use`
        What it takes; without an engine, what one lane would take.
    obstacle : :class:`str`
        Why it does not fit, as a sentence.
    """

    board: Board
    engine: EngineParameters | None
    use: Use
    obstacle: str = ""


def without_sizes(keys: Mapping[str, Any], told: Sequence[str] = ()) -> dict[str, Any]:
    """Return an engine's parameters without the sizes that a board decides, but for those told."""
    return {name: value for name, value in keys.items() if name not in SIZES or name in told}


def fit_board(
    network: Network, keys: Mapping[str, Any], board: Board, *, most_lanes: int | None = None
) -> Fit:
    """Return the fastest engine of a network that fits a board.

    Most lanes first, at most those that the board's file names for its clock: the samples of
    the next wave find room in a lane only where that costs no lane. Of the numbers of lanes that
    share a requantizer, those within 8 % of the most samples per clock cycle are fast enough, and
    the one that takes fewest LUTs is chosen. Then memories as deep as the block RAMs that they take
    anyway.

    Parameters
    ----------
    network : :class:`Network`
    keys : mapping
        Parameters of :class:`EngineParameters` that are given; sizes among them are kept.
    board : :class:`Board`
    most_lanes : :class:`int`, optional
        Instead of the board's.

    Raises
    ------
    UserError
        If a given size is too small for the network.
    """
    most = most_lanes or board.lanes
    sharings = [keys["requantizer_sharing"]] if "requantizer_sharing" in keys else _SHARINGS
    tried = [
        _with_sharing(network, {**keys, "requantizer_sharing": sharing}, board, most)
        for sharing in sharings
    ]
    rates = [_rate(network, fit) for fit in tried]
    best = [
        fit for fit, rate in zip(tried, rates, strict=True) if rate >= _FAST_ENOUGH * max(rates)
    ]
    return min(best, key=lambda fit: fit.use.luts)


def _rate(network: Network, fit: Fit) -> float:
    """Return the samples that all lanes evaluate per clock cycle; 0 if the network does not fit."""
    if fit.engine is None:
        return 0.0
    return fit.engine.lane_count / program_cycles(plan(network, fit.engine).program, fit.engine)


def _with_sharing(network: Network, keys: Mapping[str, Any], board: Board, most: int) -> Fit:
    """Return the fit with most lanes, with room for the next samples where that costs none."""
    two = _most_lanes(network, keys, board, most)
    if "lane_depth" in keys:
        return two
    shallow = {**keys, "lane_depth": least_lane_depth(network, keys)}
    one = _most_lanes(network, shallow, board, most)
    if one.engine and (not two.engine or one.engine.lane_count > two.engine.lane_count):
        return one
    return two


def _most_lanes(network: Network, keys: Mapping[str, Any], board: Board, most: int) -> Fit:
    """Return the fit with most lanes, at most so many."""

    def attempt(lanes: int) -> Fit:
        sized = {"lane_count": lanes, **keys}
        sharing = min(keys["requantizer_sharing"], sized["lane_count"])
        engine = least_engine(network, {**sized, "requantizer_sharing": sharing})
        return _checked(engine, board, keys)

    best = attempt(1)
    if best.engine is None or "lane_count" in keys:
        return best
    sharing = keys["requantizer_sharing"]
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        tried = attempt(middle)
        if tried.engine is None:
            high = middle - 1
        else:
            low, best = middle, tried
    return attempt(low - low % sharing) if low > sharing and low % sharing else best


def _checked(engine: EngineParameters, board: Board, keys: Mapping[str, Any]) -> Fit:
    """Return the fit of one engine, its memories deepened where that is free."""
    use = engine_use(engine, board)
    if not use.fits(board):
        return Fit(board, None, use, _obstacle(engine, use, board))
    return Fit(board, _deepened(engine, use, board, keys), use)


def _deepened(
    engine: EngineParameters, use: Use, board: Board, keys: Mapping[str, Any]
) -> EngineParameters:
    """Return an engine whose memories fill the block RAMs that they take anyway."""
    for name in _DEPTHS:
        if name in keys:
            continue
        depth = getattr(engine, name)
        steps = {words // part for words, _ in board.family.block_ram for part in (1, 2, 4)}
        filled = {-(-depth // step) * step for step in steps if step}
        for deeper in sorted(filled, reverse=True):
            try:
                tried = replace(engine, **{name: deeper})
            except UserError:
                continue
            if engine_use(tried, board) == use:
                engine = tried
                break
    return engine


def _obstacle(engine: EngineParameters, use: Use, board: Board) -> str:
    """Return why an engine does not fit, without the name of the network."""
    lanes = "1 lane" if engine.lane_count == 1 else f"{engine.lane_count} lanes"
    excess = use.excess(board)
    kind, (needed, there) = next(iter(excess.items()))
    text = f"{lanes} need {needed:,} {kind}, {needed - there:,} more than {board.name} has for them"
    if kind == "block RAMs":
        largest = max(memory_needs(engine), key=lambda need: need.block_rams(board.family))
        count = largest.block_rams(board.family)
        text += (
            f"; the memory of {largest.name} takes {count:,}, "
            f"{largest.count} x {largest.words:,} words of {largest.bits} bits"
        )
    return text.replace("1 lane need", "1 lane needs")


def would_do(network: Network, keys: Mapping[str, Any], boards: tuple[Board, ...]) -> str:
    """Return the name of the smallest board on which a network fits, or an empty text."""
    for board in sorted(boards, key=lambda board: board.luts):
        if fit_board(network, keys, board).engine is not None:
            return board.name
    return ""
