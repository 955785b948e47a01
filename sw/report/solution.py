"""Pictures of a problem's solution along one or two inputs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tenzo.sw.numerics import FloatArray
from tenzo.sw.report.canvas import SERIES, SOFT, draw, put_legend
from tenzo.sw.report.slices import SolutionSlice

_LEVELS = 12


def draw_slice(shown: SolutionSlice) -> list[tuple[str, str]]:
    """Return captions and ``<svg>`` elements: the solutions, and the error of the network's."""
    if len(shown.coordinates) == 1:
        return [
            ("Solution", draw("solution", lambda axes: _lines(axes, shown))),
            ("Error: network less exact", draw("difference", lambda axes: _error(axes, shown))),
        ]
    both = np.concatenate([shown.network.ravel(), shown.exact.ravel()])
    levels = _levels(float(both.min()), float(both.max()))
    reach = float(np.abs(shown.error).max())
    maps = (
        ("Solution of the network", "network", shown.network, "viridis", levels),
        ("Exact solution", "exact", shown.exact, "viridis", levels),
        ("Error: network less exact", "difference", shown.error, "RdBu_r", _levels(-reach, reach)),
    )
    return [
        (caption, draw(name, partial(_map, shown=shown, values=values, colours=c, levels=edges)))
        for caption, name, values, c, edges in maps
    ]


def _lines(axes: Any, shown: SolutionSlice) -> None:
    """Draw three solutions along one input."""
    x = shown.coordinates[0]
    axes.plot(x, shown.zero, color=SOFT, ls=":", label="network of zeros")
    axes.plot(x, shown.network, color=SERIES[0], lw=2.2, label="network")
    axes.plot(x, shown.exact, color=SERIES[1], ls="--", label="exact")
    axes.set_xlabel(shown.labels[0])
    axes.set_ylabel("solution u")
    put_legend(axes)


def _error(axes: Any, shown: SolutionSlice) -> None:
    """Draw the error along one input."""
    axes.axhline(0.0, color=SOFT, lw=0.8)
    axes.plot(shown.coordinates[0], shown.error, color=SERIES[0])
    axes.set_xlabel(shown.labels[0])
    axes.set_ylabel("error of u")


def _map(
    axes: Any, shown: SolutionSlice, values: FloatArray, colours: str, levels: FloatArray
) -> None:
    """Draw values over two inputs, with a bar that says what the colours are."""
    axes.grid(visible=False)
    rounded = np.round(values, 12)  # where a solution is zero, it is on one side of an edge
    filled = axes.contourf(*shown.coordinates, rounded, levels=levels, cmap=colours)
    filled.set_edgecolor("face")  # no gaps between areas where a viewer smooths edges
    axes.set_xlabel(shown.labels[0])
    axes.set_ylabel(shown.labels[1])
    bar = axes.figure.colorbar(filled, ax=axes)
    bar.outline.set_visible(False)


def _levels(low: float, high: float) -> FloatArray:
    """Return edges of areas of one colour: round numbers, also where all values are the same."""
    from matplotlib.ticker import MaxNLocator

    spare = 0.0 if high > low else max(abs(low), 1.0) * 1e-6
    return np.asarray(MaxNLocator(_LEVELS).tick_values(low - spare, high + spare))
