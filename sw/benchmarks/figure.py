"""Records of a benchmark as bars: the median, with a line from the least to the greatest value."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from tenzo.sw.benchmarks.records import Record

_LOG_RATIO = 30.0
_OURS, _PEERS, _RANGE = "#1f6f8b", "#b9c2c9", "#30363b"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tenzo",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}


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
    # Matplotlib takes half a second to import: only here, and without its global state.
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    counts = [len(records) for _, records in panels]
    with matplotlib.rc_context(rc=_STYLE):
        figure = Figure(
            figsize=(7.0, sum(0.2 * count + 0.7 for count in counts)), layout="constrained"
        )
        canvas = FigureCanvasSVG(figure)
        grid: Any = {"height_ratios": [count + 1 for count in counts]}
        all_axes = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw=grid)
        for axes, (title, records) in zip(all_axes[:, 0], panels, strict=True):
            _draw(axes, title, records)
        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    lines = buffer.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


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
