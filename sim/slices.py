"""Slices of stages: the sub-loops that coordinate-wise training runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import Program, Stage

_SIDES = {"left": (0, 1), "right": (2, 3)}
_J = 4


def row_slice(stage: Stage, first: int, count: int) -> Stage:
    """Return the stage that computes rows ``first`` to ``first + count - 1`` of j only."""
    left1, left0, right1, right0, _, k = stage.counts
    return replace(
        stage,
        counts=(left1, left0, right1, right0, count, k),
        weight_base=stage.weight_base + first * stage.weight_strides[_J],
        output_base=stage.output_base + first * stage.output_strides[_J],
        bias_base=stage.bias_base + first * stage.bias_strides[_J],
    )


def side_length(stage: Stage, side: str) -> int:
    """Return the length of left or right, or 1 if its two counters are both in use."""
    outer, inner = _SIDES[side]
    counts = stage.counts
    return 1 if counts[outer] > 1 and counts[inner] > 1 else counts[outer] * counts[inner]


def index_slice(stage: Stage, side: str, mode: int, inner: int, index: int) -> Stage:
    """Return the stage that computes one index of a mode inside left or right only.

    Left (or right) is read as [rest][mode][inner], C order.

    Parameters
    ----------
    side : :class:`str`
        ``left`` or ``right``; one of its two counters must be 1.
    mode, inner : :class:`int`
        Sizes; ``mode * inner`` must divide the side's length.
    index : :class:`int`
        Which index of the mode to compute.
    """
    high, low = _SIDES[side]
    used = high if stage.counts[high] > 1 else low
    rest, remainder = divmod(side_length(stage, side), mode * inner)
    if remainder:
        raise ValueError(f"{mode} x {inner} must divide {side_length(stage, side)}")
    changes: dict[str, Any] = {}
    for operand in ("input", "weight", "output", "bias"):
        strides = list(getattr(stage, f"{operand}_strides"))
        step = strides[used]
        strides[high], strides[low] = step * mode * inner, step
        changes[f"{operand}_strides"] = tuple(strides)
        changes[f"{operand}_base"] = getattr(stage, f"{operand}_base") + index * inner * step
    counts = list(stage.counts)
    counts[high], counts[low] = rest, inner
    changes["counts"] = tuple(counts)
    return replace(stage, **changes)


def spread(program: Program, engine: EngineParameters) -> Program | None:
    """Give every stage's output a region of its own, so that a slice of any stage can run later.

    Returns None if lane memory is too small for that.
    """
    base = min(program.sample_bases) + len(program.sample_bases) * program.input_count
    base = max(base, max(program.sample_bases) + program.input_count)
    stages: list[Stage] = []
    for old, stage in enumerate(program.stages):
        if stage.sample_input == (old > 0):
            return None
        if stages:
            offset = stage.input_base - program.stages[old - 1].output_base
            stage = replace(stage, input_base=stages[-1].output_base + offset)
        if not stage.to_results:
            stage = replace(stage, output_base=base)
            base += stage.output_count
        stages.append(stage)
    return program.with_stages(stages) if base <= engine.lane_depth else None


def results_through_memory(
    program: Program, engine: EngineParameters
) -> tuple[Stage, Stage] | None:
    """Return the last stage writing lane memory instead of results, and the stage that copies them.

    A query must write all results or none: so a slice of the last stage runs between the two.
    Returns None if lane memory is too small for that.
    """
    last = program.stages[-1]
    base = max(
        [stage.output_base + stage.output_count for stage in program.stages[:-1]]
        + [base + program.input_count for base in program.sample_bases]
    )
    if base + last.output_count > engine.lane_depth:
        return None
    moved = replace(last, to_results=False, output_base=base)
    return moved, read_out(base, last.output_count)


def read_out(address: int, count: int) -> Stage:
    """Return the stage that copies words of lane memory to the results, unchanged."""
    return Stage(
        counts=(1, 1, 1, count, 1, 1),
        input_base=address,
        input_strides=(0, 0, 0, 1, 0, 0),
        weight_base=0,
        weight_strides=(0, 0, 0, 0, 0, 0),
        output_base=0,
        output_strides=(0, 0, 0, 1, 0),
        shift=0,
        unit_weight=True,
        to_results=True,
    )
