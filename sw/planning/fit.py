"""What an engine takes of a chip, and the largest engine that fits a board.

Block memories and multipliers are counted exactly. LUTs are estimated: a constant and so many for
each lane and requantizer, measured with Yosys; :data:`LUT_MARGIN` is how far that may be off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.networks.network import Network
from tenzo.sw.packets import MAX_PAYLOAD_WORDS
from tenzo.sw.planning.sizing import fit_engine
from tenzo.sw.program import DESCRIPTOR_WORDS

if TYPE_CHECKING:
    from tenzo.boards.board import Board, Family

LUT_MARGIN = 0.1
"""Most by which an estimate of LUTs is off, as a part of it."""

_SIZES = ("lane_count", "lane_depth", "weight_depth", "bias_depth", "stage_slots", "result_depth")


@dataclass(frozen=True)
class MemoryNeed:
    """Equal memories of an engine.

    Parameters
    ----------
    name : :class:`str`
    words, bits, count : :class:`int`
        Words of so many bits, in so many memories.
    """

    name: str
    words: int
    bits: int
    count: int = 1

    def block_rams(self, family: Family) -> int:
        """Return the block RAMs that they take; none where they are small enough for LUTs."""
        if self.words * self.bits <= _SMALL_BITS[family.name]:
            return 0
        shapes = family.block_ram
        each = min(-(-self.words // words) * -(-self.bits // bits) for words, bits in shapes)
        return self.count * each


_SMALL_BITS = {"ecp5": 1024, "ice40": 0, "gowin": 1024, "xilinx": 1024}
"""Largest memory that Yosys builds of LUTs, in bits."""


def memory_needs(engine: EngineParameters) -> tuple[MemoryNeed, ...]:
    """Return all memories of an engine on a serial line."""
    weight, activation = engine.weight.width, engine.activation.width
    result_words = _result_words(engine)
    payload = MAX_PAYLOAD_WORDS
    needs = [
        MemoryNeed("weights", engine.weight_depth, weight),
        MemoryNeed("working weights", 2 * engine.weight_depth, weight),
        MemoryNeed("biases", engine.bias_depth, weight),
        MemoryNeed("working biases", 2 * engine.bias_depth, weight),
        MemoryNeed("lanes", engine.lane_depth, activation, engine.lane_count),
        MemoryNeed("results", result_words, RESULT_WIDTH, engine.group_count),
        MemoryNeed("program", engine.stage_slots * DESCRIPTOR_WORDS, 32),
        MemoryNeed("saturations", engine.stage_slots, 32),
        MemoryNeed("packets", payload, 32, 2),
        MemoryNeed("frames", payload, 8),
    ]
    if engine.table_units:
        words = 2 << engine.table_segment_bits
        needs.append(MemoryNeed("sine and tanh", words, 2 * activation, engine.table_units))
    return tuple(needs)


def _result_words(engine: EngineParameters) -> int:
    """Words of a group's result memory: two halves for each position."""
    positions = 1 << (engine.requantizer_sharing - 1).bit_length()
    return 2 * positions * engine.result_depth


@dataclass(frozen=True)
class Use:
    """What an engine takes of a chip.

    Parameters
    ----------
    luts : :class:`int`
        Estimated.
    block_rams, multipliers : :class:`int`
        Exact.
    """

    luts: int
    block_rams: int
    multipliers: int

    def fits(self, board: Board) -> bool:
        """Whether a board has all of it; a chip cannot be filled with LUTs to the brim."""
        return not self.excess(board)

    def excess(self, board: Board) -> dict[str, tuple[int, int]]:
        """Return what does not fit: kind, how many are needed, how many there are."""
        pairs = {
            "block RAMs": (self.block_rams, board.block_rams),
            "multipliers": (self.multipliers, board.multipliers or self.multipliers),
            "LUTs": (self.luts, int(board.luts * FILL)),
        }
        return {kind: pair for kind, pair in pairs.items() if pair[0] > pair[1]}


FILL = 0.95
"""Part of a chip's LUTs that place-and-route can use."""


@dataclass(frozen=True)
class _LutModel:
    """LUTs of an engine on a serial line; lanes and requantizers of 16-bit formats."""

    base: int
    lane: int
    requantizer: int
    table_unit: int
    soft_multiplier: int = 0


_LUTS = {
    "ecp5": _LutModel(4300, 190, 480, 250),
    "ice40": _LutModel(3900, 200, 600, 300, 700),
    "gowin": _LutModel(4300, 190, 480, 250),
    "xilinx": _LutModel(3400, 150, 400, 200),
}
_MODEL_ACCUMULATOR = 42


def engine_use(engine: EngineParameters, board: Board) -> Use:
    """Return what an engine on a serial line takes of a board's chip."""
    family = board.family
    first, second = family.multiplier
    each = -(-engine.activation.width // first) * -(-engine.weight.width // second)
    model = _LUTS[family.name]
    scale = engine.accumulator_width / _MODEL_ACCUMULATOR
    soft = 0 if board.multipliers else engine.lane_count * model.soft_multiplier
    per_lane = engine.lane_count * model.lane + engine.group_count * model.requantizer
    luts = model.base + scale * (per_lane + soft) + engine.table_units * model.table_unit
    needs = memory_needs(engine)
    multipliers = each * (engine.lane_count + engine.table_units)
    return Use(
        luts=round(luts),
        block_rams=sum(need.block_rams(family) for need in needs),
        multipliers=multipliers if board.multipliers else 0,
    )


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


def fit_board(
    network: Network, keys: Mapping[str, Any], board: Board, *, most_lanes: int | None = None
) -> Fit:
    """Return the largest engine of a network that fits a board.

    Most lanes first, at most those that the board was seen to meet its clock with; then memories
    as deep as the block RAMs that they take anyway.

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
    if "lane_count" in keys:
        return _checked(network, fit_engine(network, keys), board, keys)
    sizes = fit_engine(network, {**keys, "lane_count": 1})
    sharing = sizes.requantizer_sharing
    low, high = 1, most_lanes or board.lanes
    least = _checked(network, sizes, board, keys)
    if least.engine is None:
        return least
    best = least
    while low < high:
        middle = (low + high + 1) // 2
        tried = _checked(network, fit_engine(network, {**keys, "lane_count": middle}), board, keys)
        if tried.engine is None:
            high = middle - 1
        else:
            low, best = middle, tried
    if low > sharing and low % sharing:
        whole = {**keys, "lane_count": low - low % sharing}
        best = _checked(network, fit_engine(network, whole), board, keys)
    return best


def _checked(
    network: Network, engine: EngineParameters, board: Board, keys: Mapping[str, Any]
) -> Fit:
    """Return the fit of one engine, its memories deepened where that is free."""
    use = engine_use(engine, board)
    if not use.fits(board):
        return Fit(board, None, use, _obstacle(engine, use, board))
    free = [name for name in _SIZES[1:] if name not in keys]
    for name in free:
        while True:
            try:
                deeper = replace(engine, **{name: 2 * getattr(engine, name)})
            except UserError:
                break
            more = engine_use(deeper, board)
            if more.block_rams > use.block_rams or not more.fits(board):
                break
            engine, use = deeper, more
    return Fit(board, engine, use)


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
