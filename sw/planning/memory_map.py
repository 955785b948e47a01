"""Where samples and intermediate values lie in the memory of a lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Network

MAX_PARAMETERS = 65535
"""Weights and biases share one 16-bit address; ``CONFIGURE`` refuses more."""


@dataclass(frozen=True)
class Region:
    """Consecutive words of lane memory."""

    name: str
    base: int
    size: int


@dataclass(frozen=True)
class MemoryMap:
    """Regions of a lane.

    Samples lie in one region, or in two so that one is loaded while the other is used. Stages write
    to *ping* and *pong* in turn: the input and the output of a stage never overlap.

    Parameters
    ----------
    samples : tuple of :class:`Region`
        One or two.
    ping, pong : :class:`Region`
        Outputs of stages 0, 2, 4, ... and 1, 3, 5, ...; the last stage writes neither.
    """

    samples: tuple[Region, ...]
    ping: Region
    pong: Region

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions with words, by address."""
        return tuple(r for r in (*self.samples, self.ping, self.pong) if r.size)

    @property
    def words(self) -> int:
        """Words used in each lane."""
        return max(region.base + region.size for region in self.regions)

    def output(self, stage: int) -> Region:
        """Return the region that a stage writes to."""
        return self.pong if stage % 2 else self.ping


def lane_words(inputs: int, outputs: Sequence[int]) -> int:
    """Return the fewest words a lane needs: one sample region, ping and pong.

    Parameters
    ----------
    inputs : :class:`int`
        Words of a sample.
    outputs : sequence of :class:`int`
        Outputs of each stage; those of the last one go to the result buffer.
    """
    return inputs + sum(_buffers(outputs))


def memory_map(inputs: int, outputs: Sequence[int], engine: EngineParameters) -> MemoryMap:
    """Place all regions; arguments as in :func:`lane_words`.

    Raises
    ------
    UserError
        If they do not fit; the sentence names the sizes and the parameter to raise.
    """
    ping, pong = _buffers(outputs)
    least = inputs + ping + pong
    if least > engine.lane_depth:
        raise UserError(
            f"the lane memory needs {least} words ({inputs} of a sample, {ping} and {pong} of "
            f"intermediate values) but holds {engine.lane_depth}: {_remedy('lane_depth', least)}"
        )
    count = 2 if inputs + least <= engine.lane_depth else 1
    samples = tuple(Region(f"samples {'AB'[i]}", i * inputs, inputs) for i in range(count))
    base = count * inputs
    return MemoryMap(samples, Region("ping", base, ping), Region("pong", base + ping, pong))


def check_banks(network: Network, stage_count: int, engine: EngineParameters) -> None:
    """Raise :class:`UserError` if weights, biases, stages or results do not fit the engine."""
    needs = (
        ("weight bank", "weights", network.weight_count, "weight_depth"),
        ("bias bank", "biases", network.bias_count, "bias_depth"),
        ("program memory", "stages", stage_count, "stage_slots"),
        ("result buffer", "outputs", network.outputs, "result_depth"),
    )
    for memory, unit, count, parameter in needs:
        need(memory, unit, count, getattr(engine, parameter), parameter)
    if network.parameter_count > MAX_PARAMETERS:
        raise UserError(
            f"a network may have {MAX_PARAMETERS} parameters, not {network.parameter_count}: "
            "choose smaller ranks, or tensor trains instead of dense layers"
        )


def need(memory: str, unit: str, count: int, size: int, parameter: str) -> None:
    """Raise :class:`UserError` if a memory of an engine is too small."""
    if count > size:
        raise UserError(
            f"the {memory} needs {count} {unit} but holds {size}: {_remedy(parameter, count)}"
        )


_LARGEST = {
    "lane_depth": 65535,
    "weight_depth": 65535,
    "bias_depth": 65535,
    "stage_slots": 255,
    "result_depth": 4096,
}


def _remedy(parameter: str, count: int) -> str:
    """Say what would make a memory large enough."""
    if count > _LARGEST[parameter]:
        return f"no engine's {parameter} exceeds {_LARGEST[parameter]}, choose a smaller network"
    return f"raise the engine's {parameter} to at least {count}"


def _buffers(outputs: Sequence[int]) -> tuple[int, int]:
    """Return the words of ping and pong."""
    kept = outputs[:-1]
    return max(kept[::2], default=0), max(kept[1::2], default=0)
