"""Matplotlib's drawings as small SVG elements that follow the page's colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tenzo.sw.drawing import draw_svg

_VARIABLES = ("ink", "soft", "line", "accent", "second", "third", "fourth", "fifth", "sixth")
_COLOURS = {
    f"#{number:02x}{number:02x}{number:02x}": f"var(--{name})"
    for number, name in enumerate((*_VARIABLES, "seventh", "eighth"), 1)
}
"""What Matplotlib draws with, and the page's variable that replaces it."""

INK, SOFT, LINE, *SERIES = _COLOURS
"""Colours to draw with; those of :data:`SERIES` tell curves apart."""

_DASHES = (("-", "none"), ("--", "6 3"), (":", "2 2"), ("-.", "6 2 2 2"))
"""Series beyond the colours repeat them in another dash: Matplotlib's name, and SVG's."""


class SeriesStyle(NamedTuple):
    """How the curve of one series looks: in Matplotlib, and in the page around its drawings."""

    colour: str
    line: str
    variable: str
    dashes: str


def series_style(number: int) -> SeriesStyle:
    """Return the look of a series, counted from 0."""
    turn, index = divmod(number, len(SERIES))
    line, dashes = _DASHES[turn % len(_DASHES)]
    return SeriesStyle(SERIES[index], line, _COLOURS[SERIES[index]], dashes)


_STYLE: Any = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
}


def draw(name: str, fill: Callable[[Any], None]) -> str:
    """Return an ``<svg>`` element, 5 by 3 inches unless the page makes it smaller.

    Parameters
    ----------
    name : :class:`str`
        Prefix of the element's identifiers, unique on the page.
    fill : callable
        Gets the axes to draw in.
    """
    style = {**_STYLE, "svg.hashsalt": name}
    return _inline(draw_svg((5.0, 3.0), lambda figure: fill(figure.add_subplot()), style), name)


def put_legend(axes: Any) -> None:
    """Name the curves above the axes, where they hide nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.0)


def _inline(svg: str, name: str) -> str:
    """Turn Matplotlib's file into an element whose identifiers are the page's own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # would rule the whole page
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 class="figure" role="img"', svg, count=1)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    for colour, variable in _COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg
