"""Cells of every component of an engine, as Yosys makes them: the page ``docs/resources.md``.

``python -m tenzo.sim.resources docs/resources.md`` writes the page.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from tenzo.hw.engine import Engine
from tenzo.hw.memory import Target
from tenzo.hw.netlist import component_verilog
from tenzo.hw.signs import perturbation_unit
from tenzo.sim.netlist import run_yosys
from tenzo.sw.engine import EngineParameters

Cells = Counter[str]
"""Number of cells of each kind: see :data:`COLUMNS`."""

COLUMNS = ("LUT4", "carry", "flip-flops", "block RAM", "other RAM", "multipliers")

TOP = "engine"


@dataclass(frozen=True)
class Family:
    """How a family of parts is synthesised, and what its cells count as.

    Parameters
    ----------
    script : :class:`str`
        Yosys' command; hierarchy is kept.
    kinds : mapping
        Column of each cell, by a pattern for its type.
    target : :class:`Target`
    """

    script: str
    kinds: Mapping[str, str]
    target: Target


ECP5 = Family(
    "synth_ecp5",
    {
        "LUT4": "LUT4",
        "CCU2C": "carry",
        "TRELLIS_FF": "flip-flops",
        "DP16KD": "block RAM",
        "TRELLIS_DPR16X4": "other RAM",
        "MULT18X18D": "multipliers",
    },
    Target(),
)
UP5K = Family(
    "synth_ice40 -dsp -device u",
    {
        "SB_LUT4": "LUT4",
        "SB_CARRY": "carry",
        r"SB_DFF\w*": "flip-flops",
        "SB_RAM40_4K": "block RAM",
        "SB_SPRAM256KA": "other RAM",
        "SB_MAC16": "multipliers",
    },
    Target(has_spram=True),
)

DEFAULT_ECP5 = EngineParameters(lane_count=2)
"""Engine of one group, everything else as by default."""

DIGITS_UP5K = EngineParameters(
    lane_count=2, bias_depth=80, stage_slots=12, result_depth=10, max_bits=1
)
"""Engine of two lanes that holds the digits network, with memories as the UP5K has them."""


def component_cells(design: wiring.Component, family: Family) -> dict[str, Cells]:
    """Return the cells of every component, without those of its parts, by path in the design."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "top.v").write_text(component_verilog(design, TOP, family.target))
        run_yosys(
            f"read_verilog -sv -noassert top.v; {family.script} -noflatten -top {TOP} "
            "-json cells.json",
            folder,
        )
        modules = json.loads((folder / "cells.json").read_text())["modules"]
    return {
        name: _counted(module, family) for name, module in modules.items() if name.startswith(TOP)
    }


def _counted(module: Mapping[str, dict[str, dict[str, str]]], family: Family) -> Cells:
    cells: Cells = Counter(dict.fromkeys(COLUMNS, 0))
    for cell in module["cells"].values():
        for pattern, column in family.kinds.items():
            cells[column] += bool(re.fullmatch(pattern, cell["type"]))
    return cells


def luts(cells: Cells) -> int:
    """Return LUTs of an ECP5: a carry cell takes the place of two."""
    return cells["LUT4"] + 2 * cells["carry"]


def total(parts: Mapping[str, Cells]) -> Cells:
    """Return the sum over components."""
    return sum(parts.values(), Counter(dict.fromkeys(COLUMNS, 0)))


def by_kind(parts: Mapping[str, Cells]) -> dict[str, tuple[int, Cells]]:
    """Group components of one kind; return how many there are, and the largest number of each cell.

    Components without cells are left out.
    """
    kinds: dict[str, tuple[int, Cells]] = {}
    for path, cells in parts.items():
        kind = re.sub(r"(_\d+)?(\$\d+)?$", "", path.rpartition(".")[2])
        count, largest = kinds.get(kind, (0, Counter(dict.fromkeys(COLUMNS, 0))))
        kinds[kind] = count + 1, largest | cells
    return {kind: found for kind, found in sorted(kinds.items()) if found[1].total()}


def perturbation_parts(max_bits: int) -> dict[str, Cells]:
    """Return the cells on ECP5 of a default engine's perturbation unit, its LFSR included."""
    return component_cells(perturbation_unit(EngineParameters(max_bits=max_bits)), ECP5)


def page() -> str:
    """Return the page."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield "# Resources"
    yield ""
    yield "Cells that Yosys makes of each component, without those of the components inside it;"
    yield "`make resources` writes this page. Where there are several of a kind, each number is"
    yield "that of the largest. Placement packs flip-flops and LUTs into the same cells."
    yield ""
    yield "## Perturbation unit, ECP5"
    yield ""
    yield "The unit and its LFSR, without the banks that it reads and writes. LUTs are"
    yield "LUT4 + 2 CCU2C. The small unit is that of engines with `max_bits = 1`: Rademacher signs;"
    yield "one-hot queries work, but stream all parameters."
    yield ""
    yield "| unit | LUTs | flip-flops |"
    yield "|---|---:|---:|"
    for title, max_bits in (("one bit", 1), ("all distributions, one-hot, patches", 8)):
        cells = total(perturbation_parts(max_bits))
        yield f"| {title} | {luts(cells)} | {cells['flip-flops']} |"
    yield from _section(
        "## Default engine with 2 lanes, compact, ECP5",
        "Carry cells are CCU2C, other RAM is distributed memory of 16 x 4. Two more lanes are two "
        "lanes, a group and a requantizer more.",
        component_cells(Engine(DEFAULT_ECP5, compact=True), ECP5),
    )
    yield from _section(
        "## Engine for `digits` with 2 lanes, compact, UP5K",
        "Other RAM is SPRAM. A carry cell shares the place of a LUT where both belong together.",
        component_cells(Engine(DIGITS_UP5K, compact=True), UP5K),
    )


def _section(title: str, note: str, parts: Mapping[str, Cells]) -> Iterator[str]:
    yield from ("", title, "", note, "")
    yield "| component | number | " + " | ".join(COLUMNS) + " |"
    yield "|---|" + "---:|" * (len(COLUMNS) + 1)
    rows = [(kind, str(count), cells) for kind, (count, cells) in by_kind(parts).items()]
    for kind, count, cells in [*rows, ("**all**", "", total(parts))]:
        yield f"| {kind} | {count} | " + " | ".join(str(cells[name]) for name in COLUMNS) + " |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
