"""Parameter vectors: the order of addresses, and initial values."""

import numpy as np
import pytest
from hypothesis import given

from tenzo.sw.errors import UserError
from tenzo.sw.networks.contraction import Order, choose_order
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.networks.parameters import LayerParameters, from_vector, initial_vector, to_vector
from tenzo.sw.networks.tt import full_matrix
from tests.sw.network_cases import DIGITS, MNIST, networks, tt_layer


@given(networks())
def test_vectors_and_cores_are_inverses(network):
    vector = np.arange(network.parameter_count, dtype=np.float64)
    layers = from_vector(network, vector)
    assert to_vector(network, layers).tolist() == vector.tolist()
    for layer, parameters in zip(network.layers, layers, strict=True):
        assert tuple(core.shape for core in parameters.cores) == layer.core_shapes


def test_order_of_a_layer_that_takes_the_last_core_first():
    layer = tt_layer([2, 3], [5, 2], 4, bias=True)
    assert choose_order(layer) is Order.LAST_CORE_FIRST
    cores = [np.random.default_rng(1).normal(size=shape) for shape in layer.core_shapes]
    vector = to_vector(Network((layer,)), [LayerParameters(cores, np.arange(10.0))])
    expected = [cores[1][r, n, m, 0] for r in range(4) for m in range(2) for n in range(3)]
    expected += [cores[0][0, n, m, s] for m in range(5) for n in range(2) for s in range(4)]
    assert vector.tolist() == [*expected, *range(10)]


def test_order_of_a_layer_that_takes_the_first_core_first():
    layer = tt_layer([5, 2], [2, 3], 4)
    assert choose_order(layer) is Order.FIRST_CORE_FIRST
    cores = [np.random.default_rng(2).normal(size=shape) for shape in layer.core_shapes]
    vector = to_vector(Network((layer,)), [LayerParameters(cores)])
    expected = [cores[0][0, n, m, s] for m in range(2) for s in range(4) for n in range(5)]
    expected += [cores[1][r, n, m, 0] for m in range(3) for r in range(4) for n in range(2)]
    assert vector.tolist() == expected


def test_biases_follow_all_weights_layer_by_layer():
    network = Network((Layer(2, 3, Dense(), bias=True), Layer(3, 1, Dense(), bias=True)))
    layers = [
        LayerParameters([np.arange(6.0).reshape(3, 2)], np.array([100.0, 101.0, 102.0])),
        LayerParameters([np.array([[6.0, 7.0, 8.0]])], np.array([103.0])),
    ]
    assert to_vector(network, layers).tolist() == [*range(9), 100, 101, 102, 103]


def test_initial_matrices_have_the_wanted_variance():
    drawn = [from_vector(MNIST, initial_vector(MNIST, seed)) for seed in range(150)]
    for layer, wanted in enumerate((2 / 784, 1 / 256)):
        variances = [full_matrix(layers[layer].cores).var() for layers in drawn]
        assert np.mean(variances) == pytest.approx(wanted, rel=0.15)
    dense = Network((Layer(400, 300, Dense()),))
    assert initial_vector(dense, 1).var() == pytest.approx(1 / 400, rel=0.02)


def test_initial_biases_are_zero_and_layers_differ():
    vector = initial_vector(DIGITS, 3)
    assert not vector[-74:].any()
    assert vector[:-74].all()
    twin = Network((Layer(4, 4, Dense()), Layer(4, 4, Dense())))
    first, second = from_vector(twin, initial_vector(twin, 3))
    assert not np.array_equal(first.cores[0], second.cores[0])


def test_initial_values_depend_on_the_seed_alone():
    assert initial_vector(DIGITS, 3).tolist() == initial_vector(DIGITS, 3).tolist()
    assert initial_vector(DIGITS, 3).tolist() != initial_vector(DIGITS, 4).tolist()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "1 layers need as many sets, not 0"),
        ([LayerParameters([np.zeros((3, 2))])], r"cores must have the shapes \[\(2, 3\)\], not"),
        (
            [LayerParameters([np.zeros((2, 3))], np.zeros(3))],
            r"a bias must have shape \(2,\), not \(3,\)",
        ),
        ([LayerParameters([np.zeros((2, 3))])], r"a bias must have shape \(2,\), not \(0,\)"),
    ],
)
def test_parameters_of_another_network_are_errors(layers, message):
    network = Network((Layer(3, 2, Dense(), bias=True),))
    with pytest.raises(UserError, match=message):
        to_vector(network, layers)


def test_a_vector_of_another_length_is_an_error():
    with pytest.raises(UserError, match="the network has 826 parameters, not"):
        from_vector(DIGITS, np.zeros(825))
