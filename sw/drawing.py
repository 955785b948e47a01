"""Matplotlib's figures as text: SVG that is the same for the same numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

FILE_STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tenzo",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}
"""Style of a picture that is a file of its own."""


def draw_svg(
    size: tuple[float, float], fill: Callable[[Any], None], style: Mapping[str, Any] = FILE_STYLE
) -> str:
    """Return an SVG file.

    Parameters
    ----------
    size : (width, height)
        In inches.
    fill : callable
        Gets the figure to draw in.
    style : mapping
        Matplotlib's settings.
    """
    # Matplotlib takes half a second to import: only here, and without its global state.
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: Any = dict(style)
    with matplotlib.rc_context(rc=settings):
        figure = Figure(figsize=size, layout="constrained")
        canvas = FigureCanvasSVG(figure)
        fill(figure)
        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
