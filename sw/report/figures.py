"""Curves of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tenzo.sw.report.canvas import SOFT, draw, put_legend, series_style

_LOG_RATIO = 30.0
"""Curves whose values span more than this get a logarithmic axis."""


@dataclass(frozen=True)
class Curve:
    """Points of one line: ``steps`` and ``values`` of the same length, its name and its colour."""

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    colour: int = 0


@dataclass(frozen=True)
class Level:
    """A value to compare curves with, drawn as a horizontal line."""

    name: str
    value: float


def draw_curves(
    name: str,
    curves: Sequence[Curve],
    value_label: str,
    percent: bool = False,
    step_label: str = "step",
    levels: Sequence[Level] = (),
    legend: bool = True,
) -> str | None:
    """Draw curves over training steps, or over what else training takes.

    Parameters
    ----------
    name : :class:`str`
        Prefix of the element's identifiers, unique on the page.
    curves : sequence of :class:`Curve`
        Curves without points are left out.
    value_label, step_label : :class:`str`
        Labels of the vertical and the horizontal axis.
    percent : :class:`bool`
        Values are fractions, shown as percentages.
    levels : sequence of :class:`Level`
    legend : :class:`bool`
        Whether the figure names its curves.

    Returns
    -------
    An ``<svg>`` element, or None if there is no point to draw.
    """
    drawn = [curve for curve in curves if len(curve.steps) > 0]
    if not drawn:
        return None
    values = [value for curve in drawn for value in curve.values]
    values += [level.value for level in levels]
    lengths = [max(curve.steps) for curve in drawn]

    def fill(axes: Any) -> None:
        from matplotlib.ticker import EngFormatter, NullFormatter

        for curve in drawn:
            _draw_curve(axes, curve)
        for level, dashes in zip(levels, ("--", ":", "-."), strict=False):
            axes.axhline(level.value, color=SOFT, ls=dashes, lw=1.2, label=level.name)
        axes.set_xlabel(step_label)
        axes.set_ylabel(value_label)
        if _ratio(lengths) > _LOG_RATIO:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        _scale(axes, values, percent)
        if legend:
            put_legend(axes)

    return draw(name, fill)


def _draw_curve(axes: Any, curve: Curve) -> None:
    marker = "o" if len(curve.steps) < 30 else None
    style = series_style(curve.colour)
    axes.plot(
        curve.steps,
        curve.values,
        color=style.colour,
        ls=style.line,
        marker=marker,
        ms=3,
        label=curve.name,
    )


def _scale(axes: Any, values: Sequence[float], percent: bool) -> None:
    """Choose the vertical axis: percentages, a logarithmic one, or a linear one."""
    from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

    ratio = _ratio(values)
    if percent:
        axes.set_ylim(*_percent_limits(values))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    elif ratio > _LOG_RATIO:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ratio < 1e3 else (1,)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _ratio(values: Sequence[float]) -> float:
    """Return the largest over the smallest value; 0 if they are not all positive."""
    return max(values) / min(values) if min(values) > 0 else 0.0


def _percent_limits(values: Sequence[float]) -> tuple[float, float]:
    """Return limits that show all shares, and at least a tenth of the whole."""
    low, high = min(values) - 0.02, max(values) + 0.02
    spare = max(0.0, 0.1 - (high - low)) / 2
    return max(-0.02, low - spare), min(1.02, high + spare)
