"""A plan as a table to read."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tenzo.sw.engine import EngineParameters
from tenzo.sw.planning.planner import Plan, StagePlan


def plan_table(plan: Plan, bits: int = 1) -> Group:
    """Return what rich prints: layers, stages, memories and cycles.

    Parameters
    ----------
    plan : :class:`Plan`
    bits : :class:`int`
        Random bits drawn per parameter, for the time of a perturbation.
    """
    return Group(_layers(plan), _stages(plan), _memories(plan), Text(_facts(plan, bits)))


def print_plan(plan: Plan, bits: int = 1) -> None:
    """Print the table on standard output; nothing is cut where it is no terminal."""
    console = Console()
    width = console.width if console.is_terminal else max(console.width, 100)
    Console(width=width).print(plan_table(plan, bits))


def _layers(plan: Plan) -> Table:
    """Return one row per layer."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("layer", "inputs", "outputs", "parameters", "MACs", "cycles"):
        table.add_column(name, justify="right")
    table.add_column("order")
    for index, layer in enumerate(plan.layers):
        cycles = sum(stage.slots + stage.wait_cycles for stage in layer.stages)
        numbers = (index, layer.inputs, layer.outputs, layer.parameters, layer.macs, cycles)
        table.add_row(*(f"{number:,}" for number in numbers), layer.order.value)
    return table


def _stages(plan: Plan) -> Table:
    """Return one row per stage, with a line between layers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = ("stage", "layer", "left", "J", "K", "right", "MACs", "cycles", "wait", "shift")
    for name in (*columns, "fraction"):
        table.add_column(name, justify="right")
    table.add_column("then")
    for layer in plan.layers:
        for stage in layer.stages:
            last = stage is layer.stages[-1]
            table.add_row(*_stage_cells(stage), _ending(stage), end_section=last)
    return table


def _stage_cells(stage: StagePlan) -> tuple[str, ...]:
    """Return the numbers of one stage."""
    sizes = (stage.index, stage.layer, stage.left, stage.J, stage.K, stage.right)
    costs = (stage.macs, stage.slots, stage.wait_cycles, stage.shift)
    return (
        *(str(size) for size in sizes),
        *(f"{cost:,}" for cost in costs),
        f"{stage.input_frac_bits} > {stage.output_frac_bits}",
    )


def _ending(stage: StagePlan) -> str:
    """Return what follows the sums of a stage."""
    parts = ["bias"] * stage.bias + [stage.activation] * (stage.activation != "none")
    return ", ".join(parts)


def _memories(plan: Plan) -> Table:
    """Return the use of each memory."""
    program, engine = plan.program, plan.engine
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("memory")
    for name in ("words", "of", "width"):
        table.add_column(name, justify="right")
    table.add_column("holds")
    regions = ", ".join(f"{region.name} {region.size}" for region in plan.memory.regions)
    weight, activation = engine.weight.width, engine.activation.width
    for name, words, size, width, holds in (
        ("lane", plan.memory.words, engine.lane_depth, activation, regions),
        ("weights", program.weight_count, engine.weight_depth, weight, "master and two copies"),
        ("biases", program.bias_count, engine.bias_depth, weight, "master and two copies"),
        ("program", len(program.stages), engine.stage_slots, 576, "one descriptor per stage"),
        ("results", program.output_count, engine.result_depth, 32, "per lane, two buffers"),
    ):
        table.add_row(name, f"{words:,}", f"{size:,}", str(width), holds)
    return table


def _facts(plan: Plan, bits: int) -> str:
    """Return the totals and the formats in sentences."""
    perturbation = plan.perturbation_cycles(bits)
    slower = "the program" if plan.cycles >= perturbation else "the perturbation"
    return (
        f"{plan.parameter_count:,} parameters, {plan.macs:,} MACs a pass, {plan.cycles:,} cycles a "
        f"wave of {plan.engine.lane_count} samples, {100 * plan.utilisation:.1f} % of them "
        f"multiplying.\n{_engine_facts(plan.engine)}\n"
        f"Perturbing takes {perturbation:,} cycles beside the running query: {slower} sets the "
        "pace.\n"
        f"{_sweep_facts(plan)}"
    )


def _sweep_facts(plan: Plan) -> str:
    """Return what it takes to evaluate all parameters, each changed alone."""
    cost = plan.engine_sweep
    text = (
        "Evaluating all parameters, each changed alone, takes "
        f"{plan.sweep_passes:,.1f} passes on the host and\n"
        f"{cost.macs / plan.macs:,.1f} on the engine, "
    )
    if not cost.obstacle:
        return f"{text}{cost.restore_macs / plan.macs:,.1f} of them to restore kept values."
    return f"{text}all whole. For slices {cost.obstacle}."


def _engine_facts(engine: EngineParameters) -> str:
    """Return the formats and the lanes of an engine."""
    return (
        f"Activations: {engine.activation}. Weights: {engine.weight}. Accumulators: "
        f"{engine.accumulator_width} bits. Lanes: {engine.lane_count}, "
        f"{engine.requantizer_sharing} to a requantizer.{_table_facts(engine)}"
    )


def _table_facts(engine: EngineParameters) -> str:
    """Return the table of sine and tanh in a line of its own, if there is one."""
    if not engine.table_units:
        return ""
    limit, bound = engine.table.limit, engine.table.error_bound
    units = "1 table unit" if engine.table_units == 1 else f"{engine.table_units} table units"
    return (
        f"\nSine and tanh: {units}, {1 << engine.table_segment_bits} segments, arguments up to "
        f"{limit:g} in magnitude, at most {bound:.2f} units of the last place off."
    )
