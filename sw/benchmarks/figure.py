"""Records of a benchmark as bars: the median, with a line from the least to the greatest value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenzo.sw.benchmarks.records import Record
from tenzo.sw.drawing import draw_svg

_LOG_RATIO = 30.0
_OURS, _PEERS, _RANGE = "#1f6f8b", "#b9c2c9", "#30363b"


def draw_bars(panels: Sequence[tuple[str, Sequence[Record]]]) -> str:
    """Draw one panel per case.

    Parameters
    ----------
    panels : sequence of (title, records)
        Records of one panel have the same unit.

    Returns
    -------
    An SVG file: the same records give the same bytes.
    """
    counts = [len(records) for _, records in panels]

    def fill(figure: Any) -> None:
        grid: Any = {"height_ratios": [count + 1 for count in counts]}
        all_axes = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw=grid)
        for axes, (title, records) in zip(all_axes[:, 0], panels, strict=True):
            _draw(axes, title, records)

    return draw_svg((7.0, sum(0.2 * count + 0.7 for count in counts)), fill)


def _draw(axes: Any, title: str, records: Sequence[Record]) -> None:
    """Draw the bars of one case, the first at the top."""
    names = [record.contender.partition(" (")[0] for record in records]
    values = [record.value for record in records]
    places = range(len(records))
    colours = [_OURS if _is_ours(name) else _PEERS for name in names]
    axes.barh(places, values, color=colours, height=0.7)
    axes.hlines(
        places, [r.low for r in records], [r.high for r in records], color=_RANGE, linewidth=1.2
    )
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_title(title)
    axes.set_xlabel(records[0].unit)
    if min(values) > 0 and max(values) / min(values) > _LOG_RATIO**2:
        axes.set_xscale("log")


def _is_ours(name: str) -> bool:
    return name.startswith(("tenzo", "verilator", "measured", "planned"))
