"""Blocks of parameters that are perturbed together."""

from __future__ import annotations

from itertools import accumulate, groupby

from tenzo.sw.planning.plan import Plan

Block = tuple[int, int]
"""First address and the one after the last."""


def blocks(plan: Plan, perturb: str) -> tuple[Block, ...]:
    """Return the blocks of a network, in the order of their addresses.

    Parameters are all weights, core by core, and then all biases, layer by layer. So with biases a
    core or a layer is no single range: its weights are one block, and the biases of each layer
    another.

    Parameters
    ----------
    plan : :class:`Plan`
    perturb : :class:`str`
        ``network``: one block of all parameters. ``layer``: the weights of each layer. ``core``:
        those of each core, or dense matrix.
    """
    if perturb == "network":
        return ((0, plan.parameter_count),)
    counts = [stage.J * stage.K for stage in plan.stages]
    if perturb == "layer":
        of_layers = groupby(plan.stages, lambda stage: stage.layer)
        counts = [sum(stage.J * stage.K for stage in stages) for _, stages in of_layers]
    counts += [layer.bias_count for layer in plan.network.layers if layer.bias]
    ends = list(accumulate(counts))
    return tuple(zip([0, *ends], ends, strict=False))
