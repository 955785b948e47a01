"""Planner: a network and an engine to a stage program, its memory map and its cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.networks.contraction import StageShape, choose_orders, stage_shapes
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.memory_map import MemoryMap, check_banks, memory_map
from tenzo.sw.planning.plan import LayerPlan, Plan, StagePlan
from tenzo.sw.planning.schedule import issue_slots, program_cycles, with_waits
from tenzo.sw.program import Activation, Program, Stage

__all__ = ["LayerPlan", "Plan", "StagePlan", "plan", "program_cycles", "with_waits"]

_RESULT_HEADROOM = 3
"""Integer bits of an uncalibrated result beyond those of an activation."""


@dataclass(frozen=True)
class _Job:
    """A stage before it has addresses and shifts."""

    layer: int
    shape: StageShape
    bias: bool
    activation: Activation


def plan(
    network: Network, engine: EngineParameters, shifts: Sequence[int | None] | None = None
) -> Plan:
    """Compile a network for an engine.

    Parameters
    ----------
    network : :class:`Network`
    engine : :class:`EngineParameters`
    shifts : sequence of :class:`int` or None, optional
        Shift of every stage, from :func:`~tenzo.sw.planning.calibration.calibrate`. Where it is
        None, the stage's output keeps the format of the samples as far as possible.

    Raises
    ------
    UserError
        If the network does not fit a memory of the engine, or a shift is out of range.
    """
    jobs = _jobs(network)
    check_banks(network, len(jobs), engine)
    memory = memory_map(network.inputs, [job.shape.outputs for job in jobs], engine)
    if shifts is not None and len(shifts) != len(jobs):
        raise UserError(f"{len(jobs)} stages need as many shifts, not {len(shifts)}")
    stages, frac_bits = _stages(network, jobs, memory, engine, shifts)
    program = Program(
        with_waits(stages, engine),
        network.weight_count,
        network.bias_count,
        network.inputs,
        tuple(region.base for region in memory.samples),
        network.outputs,
        frac_bits[-1],
    )
    layers = _layer_plans(network, jobs, program, frac_bits, engine)
    return Plan(network, engine, program, layers, memory, program_cycles(program, engine))


def shift_range(
    input_frac_bits: int,
    engine: EngineParameters,
    last: bool,
    function: Activation = Activation.NONE,
) -> tuple[int, int, int]:
    """Return the least, the greatest and the uncalibrated shift of a stage.

    An intermediate value has 0 to ``max_bias_shift`` fractional bits, since it is also the shift of
    a bias; a result at least 0. The argument of sine or tanh has the format of the table: all three
    are one number.
    """
    exact = input_frac_bits + engine.weight.frac_bits
    if function.uses_table:
        return (_table_shift(exact, engine, function),) * 3
    activation = engine.activation
    if last:
        integer_bits = activation.width - activation.frac_bits + _RESULT_HEADROOM
        low, wanted = 0, exact - (RESULT_WIDTH - integer_bits)
    else:
        low, wanted = max(0, exact - engine.max_bias_shift), exact - activation.frac_bits
    high = min(exact, engine.max_shift)
    if low > high:
        most = min(engine.weight.frac_bits - (low - high), engine.max_shift)
        raise UserError(
            f"weights of {engine.weight} need a shift of {low}, but the engine's largest is "
            f"{high}: give the weights at most {most} fractional bits"
        )
    return low, high, min(max(wanted, low), high)


def _table_shift(exact: int, engine: EngineParameters, function: Activation) -> int:
    """Return the shift from sums of ``exact`` fractional bits to the argument of a function."""
    name = function.name.lower()
    if not engine.table_units:
        raise UserError(
            f"the network has a layer of {name}, which the engine lacks: set the engine's "
            "table_units to at least 1"
        )
    shift = exact - engine.table_frac_bits
    if not 0 <= shift <= engine.max_shift:
        raise UserError(
            f"sums of {exact} fractional bits need a shift of {shift} to be an argument of {name}, "
            f"but it must be 0 to {engine.max_shift}: set the engine's table_frac_bits to "
            f"{max(exact - engine.max_shift, 0)} to {exact}"
        )
    return shift


def _jobs(network: Network) -> list[_Job]:
    """Return the stages of all layers; bias and activation belong to a layer's last."""
    jobs = []
    for index, (layer, order) in enumerate(
        zip(network.layers, choose_orders(network), strict=True)
    ):
        *inner, last = stage_shapes(layer, order)
        jobs += [_Job(index, shape, False, Activation.NONE) for shape in inner]
        jobs.append(_Job(index, last, layer.bias, layer.activation))
    return jobs


def _stages(
    network: Network,
    jobs: Sequence[_Job],
    memory: MemoryMap,
    engine: EngineParameters,
    shifts: Sequence[int | None] | None,
) -> tuple[list[Stage], list[int]]:
    """Give every stage its addresses and shifts; return fractional bits before and after each."""
    stages: list[Stage] = []
    frac_bits = [engine.activation.frac_bits]
    weight_base = bias_base = input_base = 0
    for index, job in enumerate(jobs):
        last = index == len(jobs) - 1
        low, high, shift = shift_range(frac_bits[-1], engine, last, job.activation)
        given = None if shifts is None else shifts[index]
        shift = shift if given is None else given
        if not low <= shift <= high:
            limits = f"{low} to {high}" if low < high else f"{low}"
            raise UserError(f"the shift of stage {index} must be {limits}, not {shift!r}")
        output_base = 0 if last else memory.output(index).base
        if job.bias and frac_bits[-1] > engine.max_bias_shift:
            raise UserError(
                f"samples of {engine.activation} reach a bias, which can be shifted by at most "
                f"{engine.max_bias_shift}: give the activations fewer fractional bits"
            )
        bases = (input_base, weight_base, output_base, bias_base)
        stages.append(_stage(job, bases, shift, frac_bits[-1], first=index == 0, last=last))
        rounded = frac_bits[-1] + engine.weight.frac_bits - shift
        frac_bits.append(engine.table.output_frac_bits if job.activation.uses_table else rounded)
        weight_base += job.shape.J * job.shape.K
        bias_base += network.layers[job.layer].bias_count if job.bias else 0
        input_base = output_base
    return stages, frac_bits


def _stage(
    job: _Job,
    bases: tuple[int, int, int, int],
    shift: int,
    input_frac_bits: int,
    first: bool,
    last: bool,
) -> Stage:
    """Return the loop nest of a stage: [left][K][right] to [left][J][right]."""
    shape = job.shape
    J, K, right = shape.J, shape.K, shape.right
    input_base, weight_base, output_base, bias_base = bases
    output_strides = (0, J * right, 0, 1, right)
    return Stage(
        counts=(1, shape.left, 1, right, J, K),
        input_base=input_base,
        input_strides=(0, K * right, 0, 1, 0, right),
        weight_base=weight_base,
        weight_strides=(0, 0, 0, 0, K, 1),
        output_base=output_base,
        output_strides=output_strides,
        shift=shift,
        bias_base=bias_base if job.bias else 0,
        bias_strides=output_strides if job.bias else (0, 0, 0, 0, 0),
        bias_shift=input_frac_bits if job.bias else 0,
        activation=job.activation,
        use_bias=job.bias,
        to_results=last,
        sample_input=first,
    )


def _layer_plans(
    network: Network,
    jobs: Sequence[_Job],
    program: Program,
    frac_bits: Sequence[int],
    engine: EngineParameters,
) -> tuple[LayerPlan, ...]:
    """Describe every layer."""
    described: list[list[StagePlan]] = [[] for _ in network.layers]
    for index, (job, stage) in enumerate(zip(jobs, program.stages, strict=True)):
        shape = job.shape
        described[job.layer].append(
            StagePlan(
                index, job.layer, shape.core, shape.left, shape.J, shape.K, shape.right, shape.macs,
                issue_slots(stage, engine), stage.wait_cycles, stage.shift, frac_bits[index],
                frac_bits[index + 1], stage.bias_shift, stage.weight_base, stage.input_base,
                stage.output_base, stage.use_bias, stage.activation.name.lower(),
                stage.to_results,
            )
        )  # fmt: skip
    return tuple(
        LayerPlan(
            layer.inputs,
            layer.outputs,
            layer.weight_count + layer.bias_count,
            order,
            sum(stage.macs for stage in stages),
            tuple(stages),
        )
        for layer, order, stages in zip(
            network.layers, choose_orders(network), described, strict=True
        )
    )
