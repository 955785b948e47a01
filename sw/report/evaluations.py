"""How often a run evaluates its network, and where."""

from __future__ import annotations

from typing import NamedTuple

from tenzo.sw.configuration.config import Config
from tenzo.sw.errors import UserError
from tenzo.sw.problems.collocation import set_sizes
from tenzo.sw.problems.samples import configured_problem
from tenzo.sw.report.data import RunRecord
from tenzo.sw.report.tables import Table
from tenzo.sw.training.minibatches import samples_per_step


class Place(NamedTuple):
    """Points of a step in one set, and the samples that each takes: the nodes of the stencil."""

    name: str
    points: int
    nodes: int


def places(config: Config) -> list[Place]:
    """Return where a step of a problem evaluates; nothing for data, or a problem that is gone."""
    if config.problem is None:
        return []
    try:
        problem, derivatives = configured_problem(config)
    except UserError:
        return []
    return [
        Place(name, count, derivatives.node_count if name in problem.differentiated else 1)
        for name, count in set_sizes(problem, config.training.batch).items()
    ]


def counted_passes(run: RunRecord) -> tuple[int, int]:
    """Return the forward passes of the last record, and its step; zeros if there is none."""
    steps, passes = run.points("forward_passes")
    return (int(passes[-1]), int(steps[-1])) if steps else (0, 0)


def step_samples(run: RunRecord) -> int:
    """Return the samples of a step; 0 if the problem is gone."""
    try:
        return samples_per_step(run.config)
    except UserError:
        return 0


def passes_per_sample(run: RunRecord) -> float:
    """Return the forward passes of a step for each of its samples; 0 if that is not known."""
    passes, steps = counted_passes(run)
    samples = step_samples(run)
    return passes / (steps * samples) if steps and samples else 0.0


def random_queries(run: RunRecord) -> tuple[int, int]:
    """Return samples and queries of a step, zeros where it is not made of random queries alone."""
    if run.config.training.estimator != "rge":
        return 0, 0
    return step_samples(run), round(passes_per_sample(run))


def evaluation_tables(run: RunRecord) -> list[Table]:
    """Return how many forward passes training took, and for what; none before the first record."""
    passes, steps = counted_passes(run)
    if not steps:
        return []
    rows = [("in all", f"{passes:,}"), ("a step", f"{passes / steps:,.0f}")]
    if step_samples(run):
        rows.append(("a step, for each sample", f"{passes_per_sample(run):,.1f}"))
        rows.append(("samples a step", f"{step_samples(run):,}"))
    found = [Table(("forward passes of training", "count"), tuple(rows))]
    if sets := places(run.config):
        heads = ("set of points", "points a step", "samples a point: its stencil")
        cells = tuple((place.name, f"{place.points:,}", f"{place.nodes:,}") for place in sets)
        found.append(Table(heads, cells))
    return found
