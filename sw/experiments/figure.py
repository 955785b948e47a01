"""The picture of a result: the metric over forward passes or parameters, with its spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tenzo.sw.drawing import draw_svg

_COLOURS = ("#1f6f8b", "#c8553d", "#6a994e", "#7b5ea7", "#b08900", "#30363b")
_SOFT = "#6b7480"
_LOG_RATIO = 10.0
"""Values that span more than this get a logarithmic axis."""

AXES = {
    "test_accuracy": "accuracy",
    "relative_l2": "relative L2 error",
    "forward_passes": "forward passes",
    "parameters": "parameters",
    "theory": "predicted",
}
"""Metrics and axes in words; others are their names with spaces."""


def words(name: str) -> str:
    """Return what an axis is called."""
    return AXES.get(name, name.replace("_", " "))


def draw_result(document: Mapping[str, Any]) -> str:
    """Draw a result.

    Parameters
    ----------
    document : mapping
        As of :func:`tenzo.sw.experiments.results.result_document`. Curves are the mean over seeds
        on validation data, with a band from the least to the greatest; a point with a bar is the
        mean of the values with the least and the greatest.

    Returns
    -------
    An SVG file.
    """

    def fill(figure: Any) -> None:
        axes = figure.subplots()
        over_passes = document["x"] == "forward_passes"
        (_draw_curves if over_passes else _draw_groups)(axes, document)
        if document["reference"] is not None:
            axes.axhline(document["reference"], color=_SOFT, ls="--", lw=1, label="reference")
        axes.set_title(document["title"])
        axes.set_xlabel(words(document["x"]))
        axes.set_ylabel(words(document["metric"]))
        axes.legend(frameon=False, fontsize=8)

    return draw_svg((7.0, 4.0), fill)


def _draw_curves(axes: Any, document: Mapping[str, Any]) -> None:
    """Draw one curve with its band for each variant, and its value at the end."""
    for index, variant in enumerate(document["variants"]):
        colour = _COLOURS[index % len(_COLOURS)]
        x, rows = joined(variant["curves"])
        middle = [math.fsum(row) / len(row) for row in rows]
        if x:
            axes.plot(x, middle, color=colour, lw=1.5)
            axes.fill_between(x, [min(row) for row in rows], [max(row) for row in rows],
                              color=colour, alpha=0.2, lw=0)  # fmt: skip
        _draw_bars(axes, [variant], "forward_passes", colour, variant["label"])
    passes = [variant["forward_passes"] for variant in document["variants"]]
    values = [y for v in document["variants"] for curve in v["curves"] for _, y in curve]
    _scale(axes, passes, values)


def _draw_groups(axes: Any, document: Mapping[str, Any]) -> None:
    """Draw a point with its bar for each variant; those of a group have one colour."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for variant in document["variants"]:
        groups.setdefault(variant["group"] or variant["label"], []).append(variant)
    for index, (name, variants) in enumerate(groups.items()):
        _draw_bars(axes, variants, document["x"], _COLOURS[index % len(_COLOURS)], name)
    x = [place(variant, document["x"]) for variant in document["variants"]]
    expected = {
        place(variant, document["x"]): variant["details"]["theory"]
        for variant in document["variants"]
        if "theory" in variant["details"]
    }
    if expected:
        places = sorted(expected)
        axes.plot(places, [expected[place] for place in places], ":", color=_SOFT, label="theory")
    _scale(axes, x, [variant["value"] for variant in document["variants"]])


def _draw_bars(
    axes: Any, variants: Sequence[Mapping[str, Any]], x: str, colour: str, label: str
) -> None:
    """Draw values with a bar from the least to the greatest."""
    values = [variant["value"] for variant in variants]
    below = [variant["value"] - min(variant["values"]) for variant in variants]
    above = [max(variant["values"]) - variant["value"] for variant in variants]
    spread = [[max(0.0, b) for b in below], [max(0.0, a) for a in above]]
    places = [place(variant, x) for variant in variants]
    axes.errorbar(places, values, spread, fmt="o", ms=4, capsize=3, color=colour, label=label)


def joined(
    curves: Sequence[Sequence[Sequence[float]]],
) -> tuple[list[float], list[list[float]]]:
    """Return the points of several curves by place: x, and the values of all seeds at each."""
    rows: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in curve:
            rows.setdefault(x, []).append(y)
    places = sorted(x for x, row in rows.items() if len(row) == len(curves))
    return places, [rows[x] for x in places]


def place(variant: Mapping[str, Any], x: str) -> float:
    """Return where a variant stands along an axis."""
    found: float = variant["details"][x] if x == "theory" else variant[x]
    return found


def _scale(axes: Any, x: Sequence[float], y: Sequence[float]) -> None:
    """Take logarithmic axes for what spans orders of magnitude."""
    for values, choose in ((x, axes.set_xscale), (y, axes.set_yscale)):
        if values and min(values) > 0 and max(values) / min(values) > _LOG_RATIO:
            choose("log")
