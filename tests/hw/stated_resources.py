"""Compares what Yosys makes of a component with what its docstring says."""

import re
from collections.abc import Mapping


def assert_as_stated(component: type, cells: Mapping[str, int]) -> None:
    """Assert that cells are at most those stated, and those no more than a fifth too many."""
    text = re.sub(r"\s+", " ", component.__doc__ or "")
    match = re.search(r"takes at most (\d+) LUT4, (\d+) CCU2C(?:,| and) (\d+) flip-flops", text)
    assert match is not None
    for kind, number in zip(("LUT4", "CCU2C", "TRELLIS_FF"), match.groups(), strict=True):
        limit = int(number)
        assert limit / 1.2 <= cells.get(kind, 0) <= limit, (kind, dict(cells))
