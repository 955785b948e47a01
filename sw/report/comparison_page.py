"""One self-contained HTML page about several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

import tenzo
from tenzo.sw.errors import UserError
from tenzo.sw.report.canvas import series_style
from tenzo.sw.report.comparison import (
    Group,
    differences,
    group_note,
    network_table,
    read_groups,
    result_table,
)
from tenzo.sw.report.figures import Curve, draw_curves
from tenzo.sw.report.page import Figure, environment, write_page

DEFAULT = Path("comparison.html")

_SCORES = {"accuracy": "accuracy", "relative_l2": "relative L2 error"}


def write_comparison(runs: Sequence[str | Path], out: str | Path | None = None) -> Path:
    """Write the page that compares runs.

    Runs that learn something else are put into groups of their own; of a run that has not finished
    the page shows what there is.

    Parameters
    ----------
    runs : sequence of paths
        Run directories, two or more.
    out : path, optional
        File to write; ``comparison.html`` in the current folder unless given.

    Returns
    -------
    The file.

    Raises
    ------
    UserError
        If there are fewer than two runs, one is named twice, or a directory is missing or damaged.
    OSError
        If the file cannot be written.
    """
    if len(runs) < 2:
        raise UserError(f"a comparison needs two runs or more, not {len(runs)}: name more folders")
    text = render_comparison(read_groups(runs))
    return write_page(DEFAULT if out is None else Path(out), text)


def render_comparison(groups: Sequence[Group]) -> str:
    """Return the page of groups of runs as HTML that loads nothing and runs no script."""
    count = sum(len(group.members) for group in groups)
    subtitle = "Runs of the same task are drawn together."
    if len(groups) > 1:
        subtitle = f"They learn {len(groups)} different things, which are shown one by one."
    context = {
        "version": tenzo.__version__,
        "title": f"Comparison of {count} runs",
        "subtitle": subtitle,
        "groups": [_group(number, group) for number, group in enumerate(groups)],
    }
    return environment().get_template("comparison.html.j2").render(context)


def _group(number: int, group: Group) -> dict[str, Any]:
    """Return what the template needs of a group."""
    return {
        "heading": group.heading[0].upper() + group.heading[1:],
        "note": group_note(group),
        "runs": [
            {
                "label": member.label,
                "colour": series_style(member.colour).variable,
                "dashes": series_style(member.colour).dashes,
            }
            for member in group.members
        ],
        "tables": [result_table(group), network_table(group)],
        "figures": _figures(number, group),
        "differences": differences(group.members),
    }


def _figures(number: int, group: Group) -> list[Figure]:
    """Draw losses and scores of all runs, against forward passes and against steps."""
    solved = group.members[0].run.config.problem is not None
    loss = "residual loss" if solved else "training loss"
    score = _SCORES[group.score]
    found = []
    for key, label in ((f"validation_{group.score}", f"validation {score}"), ("loss", loss)):
        for along, words in (("forward_passes", "forward passes"), ("step", "step")):
            curves = [
                Curve(member.label, *member.run.points(key, along), colour=member.colour)
                for member in group.members
            ]
            svg = draw_curves(
                f"group{number}-{key}-{along}",
                curves,
                label,
                percent=key == "validation_accuracy",
                step_label=words,
                legend=False,
            )
            if svg is not None:
                over = "forward passes" if along == "forward_passes" else "steps"
                caption = f"{label[0].upper()}{label[1:]} over {over}"
                found.append(Figure(caption, Markup(svg)))
    return found
