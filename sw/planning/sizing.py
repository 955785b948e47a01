"""Sizes of an engine that a configuration leaves out: large enough for the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.contraction import choose_orders, stage_shapes
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.memory_map import lane_words
from tenzo.sw.planning.planner import plan
from tenzo.sw.table import Table

_LARGEST = {
    "lane_depth": 65535,
    "weight_depth": 65535,
    "bias_depth": 65535,
    "stage_slots": 255,
    "result_depth": 4096,
}
_MOST_SEGMENT_BITS = 12
_LEAST = {"lane_depth": 16, "weight_depth": 16, "bias_depth": 16}


def fit_engine(network: Network, keys: Mapping[str, Any]) -> EngineParameters:
    """Return an engine with the given sizes, and the others large enough for a network.

    Absent sizes are the next power of two, with room for two samples in a lane. For a network with
    sine or tanh, absent ``table_frac_bits`` give arguments of -8 to 8, absent
    ``table_segment_bits`` an error from segments below 1/3 of a unit up to 12 bits, and absent
    ``table_units`` the fewest that cost no cycle.

    Parameters
    ----------
    network : :class:`Network`
    keys : mapping
        Parameters of :class:`EngineParameters`; ``lane_depth``, ``weight_depth``, ``bias_depth``,
        ``stage_slots``, ``result_depth`` and what begins with ``table`` may be absent.

    Raises
    ------
    UserError
        If a given size is too small, or the network is larger than any engine.
    """
    absent = {name: size for name, size in _LARGEST.items() if name not in keys}
    if any(layer.activation.uses_table for layer in network.layers):
        keys = _with_table(network, keys)
    needs = _needs(network, {**keys, **absent})
    sizes = {
        name: min(limit, max(_LEAST.get(name, 1), 1 << (needs[name] - 1).bit_length()))
        for name, limit in absent.items()
    }
    return EngineParameters(**{**keys, **sizes})


def least_engine(network: Network, keys: Mapping[str, Any]) -> EngineParameters:
    """Return an engine as :func:`fit_engine` does, absent sizes just large enough."""
    absent = {name: size for name, size in _LARGEST.items() if name not in keys}
    if any(layer.activation.uses_table for layer in network.layers):
        keys = _with_table(network, keys)
    needs = _needs(network, {**keys, **absent})
    sizes = {name: max(_LEAST.get(name, 1), needs[name]) for name in absent}
    return EngineParameters(**{**keys, **sizes})


def least_lane_depth(network: Network, keys: Mapping[str, Any]) -> int:
    """Return the words of a lane with room for one sample."""
    outputs = [
        stage.outputs
        for layer, order in zip(network.layers, choose_orders(network), strict=True)
        for stage in stage_shapes(layer, order)
    ]
    return max(_LEAST["lane_depth"], lane_words(network.layers[0].inputs, outputs))


def _needs(network: Network, keys: Mapping[str, Any]) -> dict[str, int]:
    """Return the sizes that a network takes of an engine, with room for two samples in a lane."""
    planned = plan(network, EngineParameters(**keys))
    return {
        "lane_depth": planned.memory.words,
        "weight_depth": planned.program.weight_count,
        "bias_depth": planned.program.bias_count,
        "stage_slots": len(planned.program.stages),
        "result_depth": planned.program.output_count,
    }


def _with_table(network: Network, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys with those of the table filled in."""
    plain = EngineParameters(**{**keys, "table_units": 0})
    width = plain.activation.width
    frac_bits = keys.get("table_frac_bits", max(1, width - 4))
    least_terms = min(
        stage_shapes(layer, order)[-1].K
        for layer, order in zip(network.layers, choose_orders(network), strict=True)
        if layer.activation.uses_table
    )
    rounds = max(1, least_terms // plain.requantizer_sharing)
    defaults = {
        "table_units": -(-plain.group_count // rounds),
        "table_frac_bits": frac_bits,
        "table_segment_bits": max(1, width - frac_bits, _segment_bits(width, frac_bits)),
    }
    return {**defaults, **keys}


def _segment_bits(width: int, frac_bits: int) -> int:
    """Return the fewest segment bits whose segments err by less than 1/3 of a unit, at most 12."""
    most = min(_MOST_SEGMENT_BITS, width - 1)
    fitting = (n for n in range(1, most) if Table(width, frac_bits, n).error_bound < 4 / 3)
    return next(fitting, most)
