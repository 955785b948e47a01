"""Random coordinate sweeps: whole networks on the golden model against slices on an engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import assume
from hypothesis import strategies as st

from tenzo.sim.comparison import counter_differences, first_difference
from tenzo.sim.random_cases import raw_values, shifted
from tenzo.sim.random_networks import networks
from tenzo.sw.device import CoordinateOutputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.schedule import program_cycles, with_waits
from tenzo.sw.planning.sweep_program import SweepProgram
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

MAX_CYCLES = 5_000
"""Longest program that is drawn."""

MOST_COORDINATES = 24


@dataclass(frozen=True)
class SweepCase:
    """A program that an engine runs in slices, data, and coordinates."""

    program: Program
    parameters_raw: IntArray
    samples_raw: IntArray
    coordinates: tuple[Coordinate, ...]


@st.composite
def sweep_cases(draw: st.DrawFn, engine: EngineParameters) -> SweepCase:
    """Draw a network whose stage inputs all fit the lanes, data and coordinates."""
    network = draw(networks(engine.result_depth, engine.activations))
    try:
        planned = plan(network, engine)
        SweepProgram(planned.program, engine)
    except UserError:
        assume(False)
    assume(planned.cycles <= MAX_CYCLES)
    stages, _ = shifted(draw, planned.program.stages, engine)
    program = planned.program.with_stages(with_waits(stages, engine))
    samples = draw(st.integers(1, 2 * engine.lane_count + 1))
    return SweepCase(
        program,
        draw(raw_values(engine.weight, (program.parameter_count,))),
        draw(raw_values(engine.activation, (samples, program.input_count))),
        draw(coordinates(program.parameter_count, engine)),
    )


@st.composite
def coordinates(
    draw: st.DrawFn, parameters: int, engine: EngineParameters
) -> tuple[Coordinate, ...]:
    """Draw neighbours, or coordinates from anywhere, sorted or not, some of them twice."""
    count = draw(st.integers(1, min(MOST_COORDINATES, parameters)))
    if draw(st.booleans()):
        first = draw(st.integers(0, parameters - count))
        addresses = list(range(first, first + count))
    else:
        addresses = draw(st.lists(st.integers(0, parameters - 1), min_size=count, max_size=count))
        addresses = sorted(addresses) if draw(st.integers(0, 3)) else addresses
    most = engine.weight.max_raw
    steps = st.sampled_from([1, -1, most // 3 + 1, -(most // 5) - 1, most, -most])
    return tuple(Coordinate(address, draw(steps)) for address in addresses)


def check_sweep(case: SweepCase, golden: GoldenDevice, device: PacketDevice) -> None:
    """Raise :class:`AssertionError` where an engine and the golden model differ, or its plan.

    Whole networks are compared with the sweep, before it and after it, and all counters; cycles
    and multiply-accumulates of the sweep with the planner's.
    """
    devices = golden, device
    outputs = []
    for item in devices:
        item.load_program(case.program)
        item.write_parameters(case.parameters_raw)
        item.clear_counters()
        before = _whole(item, case)
        parts = list(item.evaluate_coordinates(case.samples_raw, case.coordinates))
        outputs.append([*before, *_joined(parts), *_whole(item, case)])
    difference = first_difference(*outputs)
    if difference:
        raise AssertionError(f"outputs differ: {difference}")
    problems = counter_differences(*(item.read_counters() for item in devices))
    if problems:
        raise AssertionError("; ".join(problems))
    _check_cycles(case, device)


def _check_cycles(case: SweepCase, device: PacketDevice) -> None:
    """Compare what the engine counted in the sweep with the plan."""
    sweep = SweepProgram(case.program, device.engine)
    steps = list(sweep.steps(address for address, _ in case.coordinates))
    waves = -(-len(case.samples_raw) // device.engine.lane_count)
    base = sweep.program
    cycles = waves * (sweep.cycles(steps) + program_cycles(base, device.engine))
    planned = cycles, waves * (sweep.macs(steps) + base.macs), waves * (len(steps) + 1)
    counted = device.coordinate_counters
    actual = counted.run_cycles, counted.mac_cycles, counted.queries
    if actual != planned:
        raise AssertionError(f"cycles, MACs, queries of a sweep are {actual}, planned {planned}")


def _whole(device: GoldenDevice | PacketDevice, case: SweepCase) -> list[IntArray]:
    """Return the outputs of the network itself."""
    parts = device.evaluate(case.samples_raw, [Query()])
    return [np.concatenate([item.outputs_raw for item in parts])]


def _joined(parts: list[CoordinateOutputs]) -> IntArray:
    """Return the outputs of all coordinates."""
    return np.concatenate([part.outputs_raw for part in parts])
