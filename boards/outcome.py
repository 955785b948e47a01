"""What place-and-route achieved, read from its own report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tenzo.boards.board import Board

_CELLS = {
    "ecp5": {
        "LUT": "TRELLIS_COMB",
        "flip-flop": "TRELLIS_FF",
        "block RAM": "DP16KD",
        "multiplier": "MULT18X18D",
        "PLL": "EHXPLLL",
    },
    "ice40": {
        "logic cell": "ICESTORM_LC",
        "block RAM": "ICESTORM_RAM",
        "multiplier": "ICESTORM_DSP",
        "single-port RAM": "ICESTORM_SPRAM",
        "PLL": "ICESTORM_PLL",
    },
    "gowin": {
        "LUT": "LUT4",
        "flip-flop": "DFF",
        "carry cell": "ALU",
        "block RAM": "BSRAM",
        "multiplier": "MULT18X18",
        "9-bit multiplier": "MULT9X9",
        "PLL": "rPLL",
    },
}


@dataclass(frozen=True)
class Outcome:
    """Clock and use of a placed and routed design.

    Parameters
    ----------
    achieved_mhz : :class:`float`
        Fastest clock of the engine's domain.
    target_mhz : :class:`fractions.Fraction`
        Clock that it is driven with.
    used : mapping of pairs
        Kind of cell: how many are used, and how many there are.
    critical_path : tuple of :class:`str`
        Cells along the slowest path, first to last.
    """

    achieved_mhz: float
    target_mhz: Fraction
    used: dict[str, tuple[int, int]]
    critical_path: tuple[str, ...]

    @property
    def meets(self) -> bool:
        """Whether the clock is reached."""
        return self.achieved_mhz >= float(self.target_mhz)


def read_outcome(report: Path, board: Board, target_mhz: Fraction) -> Outcome:
    """Read the report of nextpnr.

    The clock of the engine is the one with the slowest result: the others drive nothing.
    """
    document = json.loads(report.read_text())
    clocks = document["fmax"]
    name = min(clocks, key=lambda clock: float(clocks[clock]["achieved"]))
    cells = _CELLS[board.family.name]
    there = document["utilization"]
    used = {
        title: (int(there[cell]["used"]), int(there[cell]["available"]))
        for title, cell in cells.items()
        if cell in there
    }
    achieved = float(clocks[name]["achieved"])
    return Outcome(achieved, target_mhz, used, _critical_path(document, name))


def _critical_path(document: dict[str, Any], clock: str) -> tuple[str, ...]:
    """Return the cells of the slowest path from the clock to itself."""
    for path in document.get("critical_paths", ()):
        if path["from"].endswith(clock) and path["to"].endswith(clock):
            cells = [hop["to"]["cell"] for hop in path["path"] if "to" in hop]
            return tuple(cell for i, cell in enumerate(cells) if i == 0 or cells[i - 1] != cell)
    return ()
