"""What an engine on a serial line takes of a chip.

Block memories and multipliers are counted exactly. LUTs are estimated: a constant and so many for
each lane and requantizer, measured with Yosys; :data:`LUT_MARGIN` is how far that may be off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.packets import COUNTER_WORDS, MAX_PAYLOAD_WORDS
from tenzo.sw.program import DESCRIPTOR_WORDS

if TYPE_CHECKING:
    from tenzo.boards.board import Board, Family

LUT_MARGIN = 0.1
"""Most by which an estimate of LUTs is off, as a part of it."""


@dataclass(frozen=True)
class MemoryNeed:
    """Equal memories of an engine.

    Parameters
    ----------
    name : :class:`str`
    words, bits, count : :class:`int`
        Words of so many bits, in so many memories.
    read_ports : :class:`int`
        One that is read only may have two; block RAMs of iCE40 have one.
    single_port : :class:`bool`
        It is never read while it is written: a chip with single-ported RAM keeps it there.
    """

    name: str
    words: int
    bits: int
    count: int = 1
    read_ports: int = 1
    single_port: bool = False

    def block_rams(self, family: Family) -> int:
        """Return the block RAMs that they take; none where they are small enough for LUTs."""
        if self.words * self.bits <= _SMALL_BITS[family.name]:
            return 0
        shapes = family.block_ram
        if self.read_ports > 1 and family.name != "ice40":  # a port is half as wide
            shapes = tuple((words, bits) for words, bits in shapes if bits <= _TWO_PORT_BITS)
        each = min(-(-self.words // words) * -(-self.bits // bits) for words, bits in shapes)
        copies = self.read_ports if family.name == "ice40" else 1
        return self.count * copies * each


_TWO_PORT_BITS = 18
"""Widest word of a block RAM whose two ports both read."""

_SMALL_BITS = {"ecp5": 1024, "ice40": 0, "gowin": 1024, "xilinx": 1024}
"""Largest memory that Yosys builds of LUTs, in bits."""


def memory_needs(engine: EngineParameters) -> tuple[MemoryNeed, ...]:
    """Return all memories of an engine on a serial line."""
    weight, activation = engine.weight.width, engine.activation.width
    result_words = _result_words(engine)
    payload = MAX_PAYLOAD_WORDS
    needs = [
        MemoryNeed("weights", engine.weight_depth, weight, single_port=True),
        MemoryNeed("working weights", 2 * engine.weight_depth, weight),
        MemoryNeed("biases", engine.bias_depth, weight, single_port=True),
        MemoryNeed("working biases", 2 * engine.bias_depth, weight),
        MemoryNeed("lanes", engine.lane_depth, activation, engine.lane_count),
        MemoryNeed("results", result_words, RESULT_WIDTH, engine.group_count),
        MemoryNeed("program", engine.stage_slots * DESCRIPTOR_WORDS, 32, single_port=True),
        *(
            MemoryNeed(f"{name} steps", 8 * engine.stage_slots, bits)
            for name, bits in _address_bits(engine).items()
        ),
        MemoryNeed("counts", _count_words(engine), 32),
        MemoryNeed("packets", payload, 32, 2),
        MemoryNeed("frames", payload, 8),
    ]
    if engine.table_units:
        slopes = engine.table.words[:, :, 1]
        bits = activation + 1 + int(abs(slopes).max()).bit_length()
        pairs = -(-engine.table_units // 2)
        words = 2 << engine.table_segment_bits
        needs.append(MemoryNeed("sine and tanh", words, bits, pairs, read_ports=2))
    return tuple(needs)


def _address_bits(engine: EngineParameters) -> dict[str, int]:
    """Bits of the addresses that a stage moves."""
    lane, result = _bits(engine.lane_depth), _bits(engine.result_depth)
    weight, bias = _bits(engine.weight_depth), _bits(engine.bias_depth)
    return {"input": lane, "weight": weight, "output": max(lane, result), "bias": bias}


def _bits(depth: int) -> int:
    """Bits of an address of so many words."""
    return (depth - 1).bit_length()


def _count_words(engine: EngineParameters) -> int:
    """Words of the memory of saturations and event counters."""
    return (1 << max(3, (engine.stage_slots - 1).bit_length())) + len(COUNTER_WORDS)


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


FILL = 0.96
"""Part of a chip's LUTs that place-and-route can use."""


@dataclass(frozen=True)
class _LutModel:
    """LUTs of an engine on a serial line, or logic cells of iCE40, as place-and-route counts them.

    Lanes, requantizers and multipliers out of LUTs are those of 16-bit formats. The engines of
    small chips draw one random bit.
    """

    base: int
    lane: int
    requantizer: int
    table_unit: int
    soft_multiplier: int = 0


_LUTS = {
    "ecp5": _LutModel(3740, 143, 376, 130),
    "ice40": _LutModel(4300, 300, 400, 200, 820),
    "gowin": _LutModel(3750, 250, 450, 160),
    "xilinx": _LutModel(2160, 81, 214, 80),
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
        block_rams=sum(
            need.block_rams(family)
            for need in needs
            if not (need.single_port and board.single_port_rams)
        ),
        multipliers=multipliers if board.multipliers else 0,
    )
