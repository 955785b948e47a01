"""Random networks, for Hypothesis to draw and to shrink."""

from __future__ import annotations

import math
from random import Random

from hypothesis import strategies as st

from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.program import Activation

MAX_MODE, MAX_RANK, MAX_CORES, MAX_LAYERS = 9, 6, 5, 4


@st.composite
def networks(draw: st.DrawFn, max_outputs: int, activations: tuple[Activation, ...]) -> Network:
    """Draw 1 to 4 layers, tensor-train or dense, the last with at most ``max_outputs`` outputs."""
    count = draw(st.integers(1, MAX_LAYERS))
    # Small sizes more often in deep networks, of which few large ones fit an engine.
    limit = draw(st.sampled_from([8, 36, 100, 250, 729, *[8, 36] * (count - 1)]))
    size = math.prod(draw(_modes(limit)))
    layers = []
    for index in range(count):
        most = min(limit, max_outputs) if index == count - 1 else limit
        layer = draw(_layer(size, most, activations))
        layers.append(layer)
        size = layer.outputs
    return Network(tuple(layers))


@st.composite
def _modes(draw: st.DrawFn, limit: int, count: int | None = None) -> list[int]:
    """Draw modes of 1 to 9 whose product is at most a limit."""
    count = draw(st.integers(1, MAX_CORES)) if count is None else count
    modes: list[int] = []
    for _ in range(count):
        modes.append(draw(st.integers(1, max(1, min(MAX_MODE, limit // math.prod(modes))))))
    return draw(st.permutations(modes))


@st.composite
def _layer(draw: st.DrawFn, inputs: int, limit: int, activations: tuple[Activation, ...]) -> Layer:
    """Draw a layer of a given input size."""
    bias, activation = draw(st.booleans()), draw(st.sampled_from(activations))
    input_modes = _factored(inputs, draw(st.randoms(use_true_random=False)))
    if input_modes is None or draw(st.integers(0, 3)) == 0:
        outputs = math.prod(draw(_modes(limit, 2)))
        return Layer(inputs, outputs, Dense(), bias, activation)
    padded = input_modes + [1] * draw(st.integers(0, MAX_CORES - len(input_modes)))
    input_modes = draw(st.permutations(padded))
    output_modes = draw(_modes(limit, len(input_modes)))
    ranks = [draw(st.integers(1, MAX_RANK)) for _ in input_modes[1:]]
    form = TensorTrain(tuple(input_modes), tuple(output_modes), (1, *ranks, 1))
    return Layer(inputs, math.prod(output_modes), form, bias, activation)


def _factored(size: int, source: Random) -> list[int] | None:
    """Return factors of 1 to 9, at most 5 of them, or None if there are none."""
    primes, rest = [], size
    for prime in (7, 5, 3, 2):
        while rest % prime == 0:
            primes.append(prime)
            rest //= prime
    factors = [1]
    for prime in primes:
        for index in sorted(range(len(factors)), key=lambda _: source.random()):
            if factors[index] * prime <= MAX_MODE:
                factors[index] *= prime
                break
        else:
            factors.append(prime)
    return factors if rest == 1 and len(factors) <= MAX_CORES else None
