"""Curves of the report as small SVG elements that follow the page's colours."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_COLOURS = {
    "#010101": "var(--ink)",
    "#020202": "var(--soft)",
    "#030303": "var(--line)",
    "#040404": "var(--accent)",
    "#050505": "var(--second)",
}
"""What Matplotlib draws with, and the page's variable that replaces it."""

_INK, _SOFT, _LINE, _ACCENT, _SECOND = _COLOURS

_STYLE: Any = {
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
}

_LOG_RATIO = 30.0
"""Curves whose values span more than this get a logarithmic axis."""


@dataclass(frozen=True)
class Curve:
    """Points of one line: ``steps`` and ``values`` of the same length, and its name."""

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    second: bool = False


def draw_curves(
    name: str, curves: Sequence[Curve], value_label: str, percent: bool = False
) -> str | None:
    """Draw curves over training steps.

    Parameters
    ----------
    name : :class:`str`
        Prefix of the element's identifiers, unique on the page.
    curves : sequence of :class:`Curve`
        Curves without points are left out.
    value_label : :class:`str`
        Label of the vertical axis.
    percent : :class:`bool`
        Values are fractions, shown as percentages.

    Returns
    -------
    An ``<svg>`` element, or None if there is no point to draw.
    """
    drawn = [curve for curve in curves if len(curve.steps) > 0]
    if not drawn:
        return None
    # Matplotlib takes half a second to import: only here, and without its global state.
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, PercentFormatter

    with matplotlib.rc_context(rc=_STYLE), matplotlib.rc_context({"svg.hashsalt": name}):
        figure = Figure(figsize=(5.0, 3.0), layout="constrained")
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for curve in drawn:
            _draw(axes, curve)
        axes.set_xlabel("step")
        axes.set_ylabel(value_label)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        if percent:
            axes.set_ylim(*_percent_limits(drawn))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        elif _ratio(drawn) > _LOG_RATIO:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(
                LogLocator(subs=(1, 2, 5) if _ratio(drawn) < 1e3 else (1,))
            )
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend(loc="best")
        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), name)


def _draw(axes: Any, curve: Curve) -> None:
    marker = "o" if len(curve.steps) < 30 else None
    colour = _SECOND if curve.second else _ACCENT
    axes.plot(curve.steps, curve.values, color=colour, marker=marker, ms=3, label=curve.name)


def _ratio(curves: Sequence[Curve]) -> float:
    """Return the largest over the smallest value; 0 if they are not all positive."""
    values = [value for curve in curves for value in curve.values]
    return max(values) / min(values) if min(values) > 0 else 0.0


def _percent_limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return limits that show all shares, and at least a tenth of the whole."""
    values = [value for curve in curves for value in curve.values]
    low, high = min(values) - 0.02, max(values) + 0.02
    spare = max(0.0, 0.1 - (high - low)) / 2
    return max(-0.02, low - spare), min(1.02, high + spare)


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
