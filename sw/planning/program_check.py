"""Checks that a program fits an engine and that its result does not depend on stale memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.planning.addressing import IntArray, address_set, addresses
from tenzo.sw.planning.memory_map import MAX_PARAMETERS, need
from tenzo.sw.program import ADDRESS_MODULUS, Program, Stage

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StageAddresses:
    """Distinct addresses of a stage, int64: inputs, weights, biases (empty if unused), outputs."""

    inputs: IntArray
    weights: IntArray
    biases: IntArray
    outputs: IntArray


def stage_addresses(stage: Stage) -> StageAddresses:
    """Return the distinct addresses that a stage touches; inputs without the sample base."""
    none = np.zeros(0, dtype=np.int64)
    outer = stage.counts[:5]
    return StageAddresses(
        address_set(stage.counts, stage.input_base, stage.input_strides),
        none
        if stage.unit_weight
        else address_set(stage.counts, stage.weight_base, stage.weight_strides),
        address_set(outer, stage.bias_base, stage.bias_strides) if stage.use_bias else none,
        address_set(outer, stage.output_base, stage.output_strides),
    )


def check_program(program: Program, engine: EngineParameters) -> tuple[StageAddresses, ...]:
    """Check a program against an engine.

    Returns
    -------
    The addresses of each stage.

    Raises
    ------
    UserError
        If a memory is too small, an address lies outside of what the program declares, a field
        exceeds the engine, a stage reads what it writes, writes a word twice or writes samples.
    """
    need("program memory", "stages", len(program.stages), engine.stage_slots, "stage_slots")
    need("weight bank", "weights", program.weight_count, engine.weight_depth, "weight_depth")
    need("bias bank", "biases", program.bias_count, engine.bias_depth, "bias_depth")
    need("result buffer", "outputs", program.output_count, engine.result_depth, "result_depth")
    if program.parameter_count > MAX_PARAMETERS:
        raise UserError(
            f"a program may have {MAX_PARAMETERS} parameters, not {program.parameter_count}: "
            "choose smaller ranks"
        )
    samples = _sample_mask(program, engine)
    touched = tuple(stage_addresses(stage) for stage in program.stages)
    for index, (stage, used) in enumerate(zip(program.stages, touched, strict=True)):
        try:
            _check_fields(stage, engine)
            _check_addresses(stage, used, program, engine, samples)
        except UserError as error:
            raise UserError(f"stage {index}: {error}") from error
    return touched


def _sample_mask(program: Program, engine: EngineParameters) -> Mask:
    """Return which lane words hold samples."""
    mask = np.zeros(ADDRESS_MODULUS, dtype=bool)
    if not program.sample_bases:
        raise UserError("a program must have at least one sample base")
    for base in program.sample_bases:
        need("lane memory", "words", base + program.input_count, engine.lane_depth, "lane_depth")
        mask[base : base + program.input_count] = True
    return mask


def _check_fields(stage: Stage, engine: EngineParameters) -> None:
    """Check what the width of the accumulator relies on, and that there is a table if needed."""
    if stage.activation.uses_table and not engine.table_units:
        raise UserError(
            f"it needs {stage.activation.name.lower()}, which this engine lacks: set the engine's "
            "table_units to at least 1"
        )
    limits = (
        ("terms", stage.counts[5], engine.max_terms),
        ("shift", stage.shift, engine.max_shift),
        ("bias_shift", stage.bias_shift, engine.max_bias_shift),
    )
    for name, value, limit in limits:
        if value > limit:
            raise UserError(f"{name} must be at most {limit} on this engine, not {value}")


def _check_addresses(
    stage: Stage, used: StageAddresses, program: Program, engine: EngineParameters, samples: Mask
) -> None:
    """Check the four operands of a stage."""
    _inside("weight address", used.weights, program.weight_count)
    _inside("bias address", used.biases, program.bias_count)
    if stage.sample_input:
        _inside("sample address", used.inputs, program.input_count)
    else:
        _inside("input address", used.inputs, engine.lane_depth)
        if samples[used.inputs].any():
            raise UserError("an input lies in the sample region: set sample_input")
    if len(used.outputs) != stage.output_count:
        raise UserError("two outputs have the same address: give each counter a stride of its own")
    if stage.to_results:
        _inside("result address", used.outputs, program.output_count)
        return
    _inside("output address", used.outputs, engine.lane_depth)
    if samples[used.outputs].any():
        raise UserError("an output lies in the sample region: move output_base")
    if not stage.sample_input and np.intersect1d(used.inputs, used.outputs).size:
        raise UserError("inputs and outputs overlap: move output_base")


def _inside(name: str, used: IntArray, count: int) -> None:
    """Check that addresses are below a count."""
    if used.size and used[-1] >= count:
        raise UserError(f"{name} {used[-1]} must be below {count}")


@dataclass(frozen=True)
class Footprint:
    """What a range of stages needs from and leaves in a lane.

    Parameters
    ----------
    reads : int64 array
        Words that it reads before it writes them: an earlier query must have left them there.
    writes : int64 array
        Words that it writes.
    results : :class:`int`
        Results that it writes, of ``program.output_count``.
    """

    reads: IntArray
    writes: IntArray
    results: int


def footprint(stages: Iterable[Stage], touched: Iterable[StageAddresses]) -> Footprint:
    """Return the footprint of consecutive stages."""
    written = np.zeros(ADDRESS_MODULUS, dtype=bool)
    reads = np.zeros(ADDRESS_MODULUS, dtype=bool)
    results = np.zeros(ADDRESS_MODULUS, dtype=bool)
    for stage, used in zip(stages, touched, strict=True):
        if not stage.sample_input:
            reads[used.inputs[~written[used.inputs]]] = True
        (results if stage.to_results else written)[used.outputs] = True
    return Footprint(np.flatnonzero(reads), np.flatnonzero(written), int(results.sum()))


def output_addresses(stage: Stage) -> IntArray:
    """Return the address of every output of a stage, int64, in the order in which it writes."""
    return addresses(stage.counts[:5], stage.output_base, stage.output_strides).reshape(-1)
