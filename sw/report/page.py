"""One self-contained HTML page about a run directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import tenzo
from tenzo.sw.planning.picture import draw_plan
from tenzo.sw.report.data import RunRecord, read_run
from tenzo.sw.report.evaluations import evaluation_tables, random_queries
from tenzo.sw.report.figures import Curve, Level, draw_curves
from tenzo.sw.report.lockstep import lockstep_verdict
from tenzo.sw.report.solution import draw_slice
from tenzo.sw.report.tables import confusion_table, cycle_table, memory_table, stage_rows
from tenzo.sw.report.words import cards, subtitle, unfinished_note
from tenzo.sw.timing import drain_cycles
from tenzo.sw.training.checkpoint import write_atomically


@dataclass(frozen=True)
class Figure:
    """A caption and an ``<svg>`` element."""

    caption: str
    svg: Markup


def write_report(
    run: str | Path, out: str | Path | None = None, data_folder: str | None = None
) -> Path:
    """Write the page of a run.

    Parameters
    ----------
    run : path
        Run directory, of a finished run or of one that was interrupted.
    out : path, optional
        File to write; ``report.html`` in the run directory unless given.
    data_folder : :class:`str`, optional
        Where the data is now; the test results are measured again.

    Returns
    -------
    The file.

    Raises
    ------
    UserError
        If the run directory is missing or damaged.
    OSError
        If the file cannot be written.
    """
    path = Path(run) / "report.html" if out is None else Path(out)
    text = render_report(read_run(Path(run), data_folder))
    return write_page(path, text)


def write_page(path: Path, text: str) -> Path:
    """Write a page, folders above it included; return the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def render_report(run: RunRecord) -> str:
    """Return the page of a run as HTML that loads nothing and runs no script."""
    return environment().get_template("report.html.j2").render(_context(run))


def environment() -> Environment:
    """Return what fills in templates."""
    return Environment(
        loader=PackageLoader("tenzo.sw"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(run: RunRecord) -> dict[str, Any]:
    """Return what the template needs."""
    measurement = run.measurement
    matrix = None if measurement is None else measurement.evaluation.confusion
    return {
        "version": tenzo.__version__,
        "name": run.config.name,
        "subtitle": subtitle(run),
        "unfinished": unfinished_note(run),
        "cards": cards(run),
        "figures": _figures(run),
        "solution": _solution(run),
        "other_inputs": run.config.network().inputs > 2,
        "evaluations": evaluation_tables(run),
        "confusion": None if matrix is None else confusion_table(matrix),
        "data_note": run.data_note,
        "macs": run.plan.macs,
        "cycles": run.plan.cycles,
        "drain": drain_cycles(run.plan.engine),
        "stages": stage_rows(run),
        "measured": "" if measurement is None else f"{measurement.traced_count:,} test samples",
        "trained": run.trained_saturations is not None,
        "picture": Markup(draw_plan(run.plan, standalone=False)),
        "tables": [cycle_table(run, *random_queries(run)), memory_table(run.plan)],
        "lockstep": lockstep_verdict(run),
        "command": (run.summary or {}).get("command", ""),
        "config_text": run.config.toml(),
    }


def _figures(run: RunRecord) -> list[Figure]:
    """Draw the curves that the metrics hold."""
    solved = run.config.problem is not None
    losses = [Curve("training", *run.points("loss"))]
    if not solved:  # the loss of a solution is its error, that of training the residual
        losses.append(Curve("validation", *run.points("validation_loss"), colour=1))
    accuracy = [Curve("validation", *run.points("validation_accuracy"), colour=1)]
    errors = [Curve("validation", *run.points("validation_relative_l2"), colour=1)]
    caption, label = ("Residual", "residual loss") if solved else ("Loss", run.config.training.loss)
    drawn = (
        (caption, draw_curves("loss", losses, label)),
        ("Accuracy", draw_curves("accuracy", accuracy, "accuracy", percent=True)),
        (
            "Relative L2 error",
            draw_curves("error", errors, "relative L2 error", levels=_levels(run)),
        ),
    )
    return [Figure(caption, Markup(svg)) for caption, svg in drawn if svg is not None]


def _levels(run: RunRecord) -> list[Level]:
    """Return the errors that a network must fall below to have learnt something."""
    summary = run.summary or {}
    zero, best = summary.get("zero_network"), summary.get("best_constant")
    if run.measurement is not None:
        evaluation = run.measurement.evaluation
        zero, best = evaluation.zero_network, evaluation.best_constant
    named = (("zero network", zero), ("best constant", best))
    return [Level(name, value) for name, value in named if value]


def _solution(run: RunRecord) -> list[Figure]:
    """Draw the solution that was learnt; nothing for a network that was trained on data."""
    measurement = run.measurement
    if measurement is None or measurement.solution is None:
        return []
    return [Figure(caption, Markup(svg)) for caption, svg in draw_slice(measurement.solution)]
