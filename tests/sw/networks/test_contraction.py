"""Multiply-accumulates of both contraction orders, and the choice between them."""

import itertools

import pytest
from hypothesis import given

from tenzo.sw.networks.contraction import Order, choose_order, layer_macs, stage_shapes
from tenzo.sw.networks.network import Dense, Layer
from tests.sw.network_cases import networks, tt_layer

LAST, FIRST = Order.LAST_CORE_FIRST, Order.FIRST_CORE_FIRST

TABLE = [
    ([4, 7, 7, 4], [4, 4, 4, 4], 4, 200704, 1024, 95488, 95488),
    ([4, 4, 4, 4], [1, 5, 2, 1], 4, 2560, 480, 5792, 8864),
    ([7, 4, 4, 7], [8, 4, 4, 8], 6, 802816, 1824, 338688, 338688),
    ([8, 4, 4, 8], [1, 5, 2, 1], 6, 10240, 1104, 27360, 41184),
    ([1, 1, 3, 7], [8, 4, 4, 4], 2, 10752, 136, 1640, 20944),
    ([4, 4, 4, 8], [8, 4, 4, 4], 2, 262144, 256, 16384, 49152),
]


@pytest.mark.parametrize(("inputs", "outputs", "rank", "dense", "weights", "last", "first"), TABLE)
def test_multiply_accumulates_of_published_layers(
    inputs, outputs, rank, dense, weights, last, first
):
    layer = tt_layer(inputs, outputs, rank)
    assert layer.weight_count == weights
    assert layer_macs(layer, LAST) == last
    assert layer_macs(layer, FIRST) == first
    assert choose_order(layer) is LAST
    assert layer_macs(Layer(layer.inputs, layer.outputs, Dense()), Order.DENSE) == dense


def test_the_mirrored_layer_takes_the_first_core_first():
    layer = tt_layer([8, 4, 4, 4], [1, 1, 3, 7], 2)
    mirrored = tt_layer([4, 4, 4, 8], [7, 3, 1, 1], 2)
    assert layer_macs(layer, LAST) == layer_macs(mirrored, FIRST)
    assert layer_macs(layer, FIRST) == layer_macs(mirrored, LAST)
    assert {choose_order(layer), choose_order(mirrored)} == {LAST, FIRST}


def test_ties_go_to_the_smaller_peak():
    layer = tt_layer([2, 3], [3, 6], 2)
    both = {order: stage_shapes(layer, order) for order in (LAST, FIRST)}
    macs = {order: sum(stage.macs for stage in stages) for order, stages in both.items()}
    peaks = {order: max(s.outputs for s in stages[:-1]) for order, stages in both.items()}
    assert macs[LAST] == macs[FIRST]
    assert peaks[FIRST] < peaks[LAST]
    assert choose_order(layer) is FIRST


@given(networks())
def test_stages_chain_and_have_the_cores_sizes(network):
    for layer in network.layers:
        for order in (LAST, FIRST):
            stages = stage_shapes(layer, order)
            assert stages[0].inputs == layer.inputs
            assert stages[-1].outputs == layer.outputs
            for stage, following in itertools.pairwise(stages):
                assert stage.outputs == following.inputs
            assert sum(stage.J * stage.K for stage in stages) == layer.weight_count
