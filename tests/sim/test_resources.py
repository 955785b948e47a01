"""The numbers of ``docs/resources.md`` are those of the present gateware."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tenzo.hw.engine import Engine
from tenzo.sim.resources import (
    COLUMNS,
    DEFAULT_ECP5,
    DIGITS_UP5K,
    ECP5,
    UP5K,
    Cells,
    by_kind,
    component_cells,
    luts,
    perturbation_parts,
    total,
)

PAGE = Path(__file__).parents[2] / "docs" / "resources.md"
FEW = 4
"""Cells by which a small number may differ."""


def table(title: str) -> dict[str, list[str]]:
    """Return the rows of the table below a title, by their first cell."""
    section = PAGE.read_text().split(f"## {title}")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows[2:]}


def assert_near(shown: str, found: int, what: str) -> None:
    assert abs(int(shown) - found) <= max(FEW, found / 10), f"{what}: {shown}, now {found}"


def assert_table(title: str, parts: Mapping[str, Cells]) -> None:
    rows = table(title)
    kinds = by_kind(parts)
    assert sorted(rows) == sorted([*kinds, "**all**"])
    for kind, (count, cells) in {**kinds, "**all**": (0, total(parts))}.items():
        shown = rows[kind]
        if count:
            assert int(shown[0]) == count, kind
        for column, number in zip(COLUMNS, shown[1:], strict=True):
            assert_near(number, cells[column], f"{kind}, {column}")


@pytest.mark.slow
def test_table_of_the_default_engine_is_right_within_a_tenth() -> None:
    parts = component_cells(Engine(DEFAULT_ECP5, compact=True), ECP5)
    assert_table("Default engine with 2 lanes, compact, ECP5", parts)


@pytest.mark.slow
def test_table_of_the_digits_engine_is_right_within_a_tenth() -> None:
    parts = component_cells(Engine(DIGITS_UP5K, compact=True), UP5K)
    assert_table("Engine for `digits` with 2 lanes, compact, UP5K", parts)
    cells = total(parts)
    assert cells["block RAM"] <= 29  # a serial line takes the last one
    assert cells["other RAM"] == 3
    assert cells["multipliers"] == DIGITS_UP5K.lane_count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "max_bits", "most_luts", "most_flip_flops"),
    [("one bit", 1, 180, 160), ("all distributions, one-hot, patches", 8, 320, 220)],
)
def test_perturbation_unit_is_small(
    title: str, max_bits: int, most_luts: int, most_flip_flops: int
) -> None:
    cells = total(perturbation_parts(max_bits))
    assert luts(cells) <= most_luts
    assert cells["flip-flops"] <= most_flip_flops
    shown = table("Perturbation unit, ECP5")[title]
    assert_near(shown[0], luts(cells), title)
    assert_near(shown[1], cells["flip-flops"], title)
