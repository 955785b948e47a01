"""Sizes of an engine that a configuration leaves out: large enough for the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.planner import plan

_LARGEST = {
    "lane_depth": 65535,
    "weight_depth": 65535,
    "bias_depth": 65535,
    "stage_slots": 255,
    "result_depth": 4096,
}
_LEAST = {"lane_depth": 16, "weight_depth": 16, "bias_depth": 16}


def fit_engine(network: Network, keys: Mapping[str, Any]) -> EngineParameters:
    """Return an engine with the given sizes, and the others large enough for a network.

    Absent sizes are the next power of two, with room for two samples in a lane.

    Parameters
    ----------
    network : :class:`Network`
    keys : mapping
        Parameters of :class:`EngineParameters`; ``lane_depth``, ``weight_depth``, ``bias_depth``,
        ``stage_slots`` and ``result_depth`` may be absent.

    Raises
    ------
    UserError
        If a given size is too small, or the network is larger than any engine.
    """
    absent = {name: size for name, size in _LARGEST.items() if name not in keys}
    engine = EngineParameters(**{**keys, **absent})
    planned = plan(network, engine)
    needs = {
        "lane_depth": planned.memory.words,
        "weight_depth": planned.program.weight_count,
        "bias_depth": planned.program.bias_count,
        "stage_slots": len(planned.program.stages),
        "result_depth": planned.program.output_count,
    }
    sizes = {
        name: min(limit, max(_LEAST.get(name, 1), 1 << (needs[name] - 1).bit_length()))
        for name, limit in absent.items()
    }
    return EngineParameters(**{**keys, **sizes})
