"""Networks that several tests use, and a Hypothesis strategy for random ones."""

from dataclasses import replace
from math import prod

from hypothesis import strategies as st

from tenzo.sw.engine import EngineParameters
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.program import Activation

Modes = list[int]

LARGE_ENGINE = EngineParameters(lane_depth=16384, weight_depth=16384, bias_depth=2048)
TABLE_ENGINE = replace(LARGE_ENGINE, result_depth=256, table_units=2)
"""Runs every network that :func:`networks` draws."""


def tt_layer(
    input_modes: Modes,
    output_modes: Modes,
    rank: int,
    bias: bool = False,
    activation: Activation = Activation.NONE,
) -> Layer:
    """Return a tensor-train layer with one rank for all inner bonds."""
    ranks = (1, *[rank] * (len(input_modes) - 1), 1)
    form = TensorTrain(tuple(input_modes), tuple(output_modes), ranks)
    return Layer(prod(input_modes), prod(output_modes), form, bias, activation)


RELU = Activation.RELU
DIGITS = Network(
    (
        tt_layer([4, 4, 4], [4, 4, 4], 4, bias=True, activation=RELU),
        tt_layer([4, 4, 4], [1, 5, 2], 4, bias=True),
    )
)
MNIST = Network(
    (
        tt_layer([4, 7, 7, 4], [4, 4, 4, 4], 4, activation=RELU),
        tt_layer([4, 4, 4, 4], [1, 5, 2, 1], 4),
    )
)
MNIST_1024 = Network(
    (
        tt_layer([7, 4, 4, 7], [8, 4, 4, 8], 6, bias=True, activation=RELU),
        tt_layer([8, 4, 4, 8], [1, 5, 2, 1], 6, bias=True),
    )
)


@st.composite
def networks(draw: st.DrawFn, most_words: int = 200) -> Network:
    """Draw 1 to 4 layers of 1 to 5 cores or dense, whose sizes stay below ``most_words``."""
    layers: list[Layer] = []
    modes = _modes(draw, draw(st.integers(1, 5)), most_words)
    for _ in range(draw(st.integers(1, 4))):
        output_modes = _modes(draw, len(modes), most_words)
        inputs, outputs = prod(modes), prod(output_modes)
        form: TensorTrain | Dense = Dense()
        if inputs * outputs > 2000 or draw(st.integers(0, 3)):
            inner = [draw(st.integers(1, 6)) for _ in modes[1:]]
            form = TensorTrain(tuple(modes), tuple(output_modes), (1, *inner, 1))
        activation = draw(st.sampled_from(list(Activation)))
        layers.append(Layer(inputs, outputs, form, draw(st.booleans()), activation))
        modes = _regrouped(draw, output_modes)
    return Network(tuple(layers))


def _modes(draw: st.DrawFn, count: int, most_words: int) -> Modes:
    """Draw modes of 1 to 9 with a bounded product."""
    modes = [draw(st.integers(1, 9)) for _ in range(count)]
    for index in range(count):
        if prod(modes) > most_words:
            modes[index] = draw(st.integers(1, 2))
    return modes


def _regrouped(draw: st.DrawFn, modes: Modes) -> Modes:
    """Draw modes of the same product: two neighbours may become one."""
    if len(modes) > 1 and draw(st.booleans()) and modes[0] * modes[1] <= 9:
        return [modes[0] * modes[1], *modes[2:]]
    return modes
