"""The result of an experiment as JSON: everything that its page and its picture show."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tenzo.sw.errors import UserError
from tenzo.sw.experiments.definition import Experiment, Variant
from tenzo.sw.experiments.figure import draw_result
from tenzo.sw.experiments.jobs import Job
from tenzo.sw.experiments.outcome import Outcome, write_text
from tenzo.sw.experiments.page import page

_NUMBER = r"-?\d[\d.e+-]*"
_PAIR = r"\[[^\[\]\n\"]*\]"
_NUMBERS, _CURVE = (
    re.compile(rf"\[\n\s*{part}(,\n\s*{part})*\n\s*\]") for part in (_NUMBER, _PAIR)
)
"""Lists over several lines; no string holds the end of a line."""

_OF_FIRST = (
    "value",
    "values",
    "standard_error",
    "parameters",
    "forward_passes",
    "steps",
    "seeds",
    "number_format",
    "commit",
    "machine",
)
"""What the experiment takes over from its first variant."""


def result_document(
    experiment: Experiment,
    variants: Sequence[Variant],
    jobs: Sequence[Job],
    skipped: Mapping[str, str],
    quick: bool,
) -> dict[str, Any]:
    """Return the result of finished jobs.

    Parameters
    ----------
    experiment : :class:`Experiment`
    variants : sequence of :class:`Variant`
        Those that ran.
    jobs : sequence of :class:`Job`
        All of theirs.
    skipped : mapping of labels to reasons
    quick : :class:`bool`
    """
    blocks = [
        _variant_block(variant, [job for job in jobs if job.label == variant.label])
        for variant in variants
    ]
    reference = experiment.reference
    command = f"tenzo experiment {experiment.name}{' --quick' if quick else ''}"
    return {
        "experiment": experiment.name,
        "title": experiment.title,
        "question": experiment.question,
        "notes": experiment.notes,
        "quick": quick,
        "metric": experiment.metric,
        "better": experiment.better,
        "goal": experiment.goal,
        "reference": reference.value if reference else None,
        "reference_source": reference.source if reference else None,
        "x": experiment.x,
        "milestones": experiment.milestones,
        "command": command,
        **{key: blocks[0][key] for key in _OF_FIRST},
        "variants": blocks,
        "skipped": dict(skipped),
    }


def _variant_block(variant: Variant, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what the seeds of one variant gave."""
    outcomes = [_outcome(job) for job in jobs]
    first, values = outcomes[0], [outcome.value for outcome in outcomes]
    expected = [outcome.details.get("theory") for outcome in outcomes]
    return {
        "label": variant.label,
        "group": variant.group,
        "folder": variant.folder,
        "method": variant.method,
        "preset": variant.preset,
        "overrides": variant.overrides,
        "device": variant.device,
        "value": mean(values),
        "values": values,
        "standard_error": standard_error(values),
        "parameters": first.parameters,
        "forward_passes": max(outcome.forward_passes for outcome in outcomes),
        "steps": first.steps,
        "seeds": [job.seed for job in jobs],
        "number_format": first.number_format,
        "seconds": mean([outcome.seconds for outcome in outcomes]),
        "commit": ", ".join(sorted({outcome.commit for outcome in outcomes})),
        "machine": "; ".join(sorted({outcome.machine for outcome in outcomes})),
        "details": {
            name: mean([outcome.details[name] for outcome in outcomes]) for name in first.details
        },
        "ratios": [
            value / theory for value, theory in zip(values, expected, strict=True) if theory
        ],
        "curves": [outcome.curve for outcome in outcomes],
    }


def mean(values: Sequence[float]) -> float:
    """Return the mean, summed exactly and rounded once."""
    return math.fsum(values) / len(values)


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean, None for a single value."""
    if len(values) < 2:
        return None
    middle = mean(values)
    square = math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(square / len(values))


def dump(document: Mapping[str, Any]) -> str:
    """Return a document as JSON, each list of numbers and each curve on a line of its own."""
    text = json.dumps(document, indent=1, allow_nan=False)
    for pattern in (_NUMBERS, _CURVE):
        text = pattern.sub(lambda match: re.sub(r"\s+", "", match[0]).replace(",", ", "), text)
    return text + "\n"


def write_results(folder: Path, document: Mapping[str, Any]) -> None:
    """Write NAME.json, NAME.svg and NAME.md into a folder."""
    text = dump(document)
    name = document["experiment"]
    for suffix, content in (
        ("json", text),
        ("svg", draw_result(document)),
        ("md", page(document)),
    ):
        write_text(folder / f"{name}.{suffix}", content)


def _outcome(job: Job) -> Outcome:
    outcome = job.outcome()
    if outcome is None:
        raise UserError(f"{job.folder} holds no finished run: run the same command again")
    return outcome
