from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from tenzo.boards.catalogue import find_board
from tenzo.boards.outcome import read_outcome


def test_multipliers_of_both_sizes_of_a_gowin_are_counted(tmp_path: Path) -> None:
    utilization = {
        "MULT18X18": {"used": 1, "available": 20},
        "MULT9X9": {"used": 3, "available": 40},
    }
    document = {"fmax": {"clk": {"achieved": 30, "constraint": 27}}, "utilization": utilization}
    report = tmp_path / "nextpnr.json"
    report.write_text(json.dumps(document))
    outcome = read_outcome(report, find_board("tang-nano-9k"), Fraction(27))
    assert outcome.used == {"multiplier": (1, 20), "9-bit multiplier": (3, 40)}
