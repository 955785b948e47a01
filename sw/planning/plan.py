"""What a plan says: stages, layers, memory, cycles; see :mod:`tenzo.sw.planning.planner`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.contraction import Order
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.delta import Deltas
from tenzo.sw.planning.memory_map import MemoryMap
from tenzo.sw.planning.sweep_program import SweepCost, sweep_cost
from tenzo.sw.program import Program


@dataclass(frozen=True)
class StagePlan:
    """One stage of a plan.

    Parameters
    ----------
    index, layer, core : :class:`int`
        Stage of the program, layer of the network, core of the layer.
    left, J, K, right : :class:`int`
        Sizes of the loops.
    macs : :class:`int`
        Multiply-accumulates per sample.
    slots, wait_cycles : :class:`int`
        Cycles in which it issues terms, and idle cycles before it.
    shift, input_frac_bits, output_frac_bits, bias_shift : :class:`int`
        Its requantization; the output's fractional bits are those after sine or tanh.
    weight_base, input_base, output_base : :class:`int`
        First words; the input of stage 0 is relative to the samples, the output of the last stage
        lies in the result buffer.
    bias : :class:`bool`
    activation : :class:`str`
        Name, lower case.
    last : :class:`bool`
        It writes results.
    """

    index: int
    layer: int
    core: int
    left: int
    J: int
    K: int
    right: int
    macs: int
    slots: int
    wait_cycles: int
    shift: int
    input_frac_bits: int
    output_frac_bits: int
    bias_shift: int
    weight_base: int
    input_base: int
    output_base: int
    bias: bool
    activation: str
    last: bool


@dataclass(frozen=True)
class LayerPlan:
    """One layer of a plan: its contraction order, multiply-accumulates per sample and stages."""

    inputs: int
    outputs: int
    parameters: int
    order: Order
    macs: int
    stages: tuple[StagePlan, ...]


@dataclass(frozen=True)
class Plan:
    """What the engine will do for one query of one wave, and where it keeps what.

    Parameters
    ----------
    network : :class:`Network`
    engine : :class:`EngineParameters`
    program : :class:`Program`
    layers : tuple of :class:`LayerPlan`
    memory : :class:`MemoryMap`
    cycles : :class:`int`
        Cycles of one run of the whole program.
    """

    network: Network
    engine: EngineParameters
    program: Program
    layers: tuple[LayerPlan, ...]
    memory: MemoryMap
    cycles: int

    def _repr_svg_(self) -> str:
        """Return what a notebook shows."""
        from tenzo.sw.planning.picture import draw_plan

        return draw_plan(self)

    @property
    def stages(self) -> tuple[StagePlan, ...]:
        """Stages of all layers, in program order."""
        return tuple(stage for layer in self.layers for stage in layer.stages)

    @property
    def macs(self) -> int:
        """Multiply-accumulates per sample: a pass."""
        return self.program.macs

    @property
    def parameter_count(self) -> int:
        """Length of a parameter vector."""
        return self.program.parameter_count

    @property
    def shifts(self) -> tuple[int, ...]:
        """Shift of every stage."""
        return tuple(stage.shift for stage in self.program.stages)

    @property
    def utilisation(self) -> float:
        """Part of the cycles in which every lane multiplies."""
        return self.macs / self.cycles

    def perturbation_cycles(self, bits: int) -> int:
        """Return the cycles that perturbing all parameters takes, beside the running query."""
        return self.parameter_count * bits

    @cached_property
    def sweep_passes(self) -> float:
        """Passes in which the host evaluates every parameter, changed alone; the base pass apart.

        Multiply-accumulates of all slices divided by those of the program, see
        :mod:`tenzo.sw.planning.delta`.
        """
        return Deltas(self.program).macs / self.macs

    @cached_property
    def engine_sweep(self) -> SweepCost:
        """What the engine's sweep costs, see :mod:`tenzo.sw.planning.sweep_program`."""
        return sweep_cost(self.program, self.engine)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as what :func:`json.dumps` takes."""
        return {
            "parameters": self.parameter_count,
            "weights": self.program.weight_count,
            "biases": self.program.bias_count,
            "macs": self.macs,
            "cycles": self.cycles,
            "utilisation": self.utilisation,
            "coordinate_sweep_passes": {
                "host": self.sweep_passes,
                "engine": self.engine_sweep.macs / self.macs,
                "base": 1.0,
                "restore": self.engine_sweep.restore_macs / self.macs,
            },
            "coordinate_sweep": {
                "sliced": not self.engine_sweep.obstacle,
                "obstacle": self.engine_sweep.obstacle,
                "lane_words": self.engine_sweep.lane_words,
            },
            "output_frac_bits": self.program.output_frac_bits,
            "layers": [
                {
                    **asdict(layer),
                    "order": layer.order.value,
                    "stages": list(map(asdict, layer.stages)),
                }
                for layer in self.layers
            ],
            "memory": {
                "words": self.memory.words,
                "regions": [asdict(region) for region in self.memory.regions],
            },
            "engine": asdict(self.engine),
        }
