"""Tables of the report: stages, cycles, memories, confusion."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.planning.picture import layer_heading, stage_name, stage_shape
from tenzo.sw.planning.plan import Plan, StagePlan
from tenzo.sw.report.data import Measurement, RunRecord
from tenzo.sw.report.words import percent
from tenzo.sw.timing import drain_cycles

LARGEST_MATRIX = 25
"""Classes up to which the confusion matrix is shown in full."""

_WORST_COUNT = 6


@dataclass(frozen=True)
class StageRow:
    """One stage in the tables; ``percent``, ``headroom`` and ``saturated`` as measured."""

    number: int
    name: str
    heading: str
    shape: str
    macs: int
    cycles: int
    wait_cycles: int
    frac_bits: int
    percent: float
    headroom: str
    saturated: int
    trained: int


@dataclass(frozen=True)
class Table:
    """A table: head cells, the first of them the title, and rows of the same length."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Cell:
    """A count, and how strongly its background is coloured in percent of which colour."""

    count: int
    percent: int
    colour: str


@dataclass(frozen=True)
class Confused:
    """Samples of one class that were taken for another."""

    true: int
    predicted: int
    count: int


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix; ``cells`` is empty where there are too many classes to show."""

    classes: tuple[int, ...]
    cells: tuple[tuple[Cell, ...], ...]
    correct: int
    total: int
    worst: tuple[Confused, ...]


def stage_rows(run: RunRecord) -> list[StageRow]:
    """Return a row for each stage."""
    trained = run.trained_saturations
    rows = []
    for index, layer in enumerate(run.plan.layers):
        for stage in layer.stages:
            first = stage is layer.stages[0]
            percent, headroom, saturated = _headroom(run.plan, stage, run.measurement)
            rows.append(
                StageRow(
                    stage.index,
                    stage_name(stage, layer),
                    layer_heading(index, layer) if first else "",
                    stage_shape(stage),
                    stage.macs,
                    stage.slots + stage.wait_cycles,
                    stage.wait_cycles,
                    stage.output_frac_bits,
                    percent,
                    headroom,
                    saturated,
                    0 if trained is None else int(trained[stage.index]),
                )
            )
    return rows


def _headroom(
    plan: Plan, stage: StagePlan, measurement: Measurement | None
) -> tuple[float, str, int]:
    """Return the used share of a stage's range in percent, its head-room, its saturations."""
    if measurement is None:
        return 0.0, "", 0
    last = stage.index + 1 == len(plan.stages)
    limit = 1 << ((RESULT_WIDTH if last else plan.engine.activation.width) - 1)
    peak = int(measurement.peaks[stage.index])
    bits = f"{math.log2(limit / peak):.1f}" if peak else "all"
    return round(100 * peak / limit, 2), bits, int(measurement.saturations[stage.index])


def cycle_table(run: RunRecord, samples: int, queries: int) -> Table:
    """Return where the cycles of one query on one wave go.

    Parameters
    ----------
    run : :class:`RunRecord`
    samples, queries : :class:`int`
        Of a step; zero if it is not made of random queries.
    """
    plan, training = run.plan, run.config.training
    waits = sum(stage.wait_cycles for stage in plan.stages)
    slots = sum(stage.slots for stage in plan.stages)
    perturbation = plan.perturbation_cycles(training.bits)
    rows = (
        ("multiplying", plan.macs, plan.macs / plan.cycles),
        ("waiting for a requantizer", slots - plan.macs, (slots - plan.macs) / plan.cycles),
        ("waiting for a word or a descriptor", waits, waits / plan.cycles),
        (
            "draining the pipeline",
            drain_cycles(plan.engine),
            drain_cycles(plan.engine) / plan.cycles,
        ),
        ("the program", plan.cycles, 1.0),
    )
    cells = [(text, f"{cycles:,}", percent(share)) for text, cycles, share in rows]
    cells.append(
        ("perturbing, meanwhile", f"{perturbation:,}", percent(perturbation / plan.cycles))
    )
    waves = -(-samples // plan.engine.lane_count)
    if waves and queries:
        unit = "wave" if waves == 1 else "waves"
        step = f"one training step: {waves} {unit}, {queries} queries, at least"
        cells.append((step, f"{waves * queries * max(plan.cycles, perturbation):,}", ""))
    return Table(("one query, one wave", "cycles", "share"), tuple(cells))


def memory_table(plan: Plan) -> Table:
    """Return how full the engine's memories are."""
    engine, program = plan.engine, plan.program
    rows = (
        ("lane memory, words a lane", plan.memory.words, engine.lane_depth),
        ("weight bank, words", program.weight_count, engine.weight_depth),
        ("bias bank, words", program.bias_count, engine.bias_depth),
        ("program, stages", len(program.stages), engine.stage_slots),
        ("result buffer, words a lane", program.output_count, engine.result_depth),
    )
    cells = tuple((text, f"{used:,}", f"{size:,}") for text, used, size in rows)
    return Table((f"engine of {engine.lane_count} lanes", "used", "size"), cells)


def confusion_table(matrix: npt.NDArray[np.int64]) -> Confusion:
    """Return a confusion matrix for the page.

    Parameters
    ----------
    matrix : int64 array of shape (classes, classes)
        Row = true class, column = predicted class.
    """
    classes = range(len(matrix))
    cells: list[tuple[Cell, ...]] = []
    if len(matrix) <= LARGEST_MATRIX:
        for label in classes:
            row, total = matrix[label], max(1, int(matrix[label].sum()))
            cells.append(
                tuple(_cell(int(row[c]), int(row[c]) / total, c == label) for c in classes)
            )
    wrong = [(int(matrix[a, b]), a, b) for a in classes for b in classes if a != b and matrix[a, b]]
    wrong.sort(key=lambda item: (-item[0], item[1], item[2]))
    worst = tuple(Confused(a, b, count) for count, a, b in wrong[:_WORST_COUNT])
    correct, total = int(np.trace(matrix)), int(matrix.sum())
    return Confusion(tuple(classes), tuple(cells), correct, total, worst)


def _cell(count: int, share: float, diagonal: bool) -> Cell:
    """Colour a cell: right ones by their share, wrong ones stronger, since they are few."""
    if not count:
        return Cell(0, 0, "line")
    if diagonal:
        return Cell(count, 10 + round(45 * share), "accent")
    return Cell(count, min(75, 20 + round(300 * share)), "second")
