"""Networks: what a user may get wrong, and the import of dense layers."""

import itertools

import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.networks.parameters import from_vector
from tenzo.sw.networks.tt import full_matrix
from tenzo.sw.program import Activation
from tests.sw.network_cases import DIGITS, MNIST, MNIST_1024, tt_layer


@pytest.mark.parametrize(("network", "count"), [(DIGITS, 826), (MNIST, 1504), (MNIST_1024, 3962)])
def test_parameter_counts_of_the_paper(network, count):
    assert network.parameter_count == count


@pytest.mark.parametrize(
    ("network", "count"), [((64, 64, 10), 4810), ((784, 256, 10), 203264 + 266)]
)
def test_parameter_counts_of_dense_layers(network, count):
    sizes = itertools.pairwise(network)
    layers = tuple(Layer(inputs, outputs, Dense(), bias=True) for inputs, outputs in sizes)
    assert Network(layers).parameter_count == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4, 4), (4,), (1, 2, 1)), r"equally many, .* not \[4, 4\] and \[4\]"),
        (((), (), (1,)), "at least one"),
        (((4, 4), (4, 0), (1, 2, 1)), r"modes must be at least 1, not \[4, 4\] and \[4, 0\]"),
        (((4, 4), (4, 4), (1, 0, 1)), r"positive integers, .* not \[1, 0, 1\]"),
        (((4, 4), (4, 4), (2, 2, 1)), r"the first and the last 1, not \[2, 2, 1\]"),
        (((4, 4), (4, 4), (1, 2, 3)), r"the first and the last 1, not \[1, 2, 3\]"),
        (((4, 4), (4, 4), (1, 1)), r"ranks must be 3 .* not \[1, 1\]"),
    ],
)
def test_tensor_trains_that_do_not_fit_together_are_errors(arguments, message):
    with pytest.raises(UserError, match=message):
        TensorTrain(*arguments)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (17, 6, "the input modes 4 x 4 make 16, but the layer has 17 inputs: choose modes whose"),
        (16, 7, "the output modes 2 x 3 make 6, but the layer has 7 outputs"),
    ],
)
def test_modes_whose_product_is_not_the_size_are_errors(inputs, outputs, message):
    with pytest.raises(UserError, match=message):
        Layer(inputs, outputs, TensorTrain((4, 4), (2, 3), (1, 2, 1)))


def test_layers_that_do_not_chain_are_errors():
    with pytest.raises(UserError, match="layer 1 takes 5 inputs, but layer 0 gives 4 outputs"):
        Network((Layer(3, 4, Dense()), Layer(5, 6, Dense())))


def test_a_network_without_layers_is_an_error():
    with pytest.raises(UserError, match="at least one layer"):
        Network(())


@pytest.mark.parametrize(("inputs", "outputs"), [(0, 1), (1, 0)])
def test_a_layer_without_values_is_an_error(inputs, outputs):
    with pytest.raises(UserError, match="must be at least 1, not 0"):
        Layer(inputs, outputs, Dense())


def test_core_shapes():
    layer = tt_layer([4, 7], [2, 3], 5)
    assert layer.core_shapes == ((1, 4, 2, 5), (5, 7, 3, 1))
    assert Layer(4, 3, Dense()).core_shapes == ((3, 4),)


def test_dense_layers_are_imported_as_they_are():
    rng = np.random.default_rng(1)
    matrices, bias = [rng.normal(size=(5, 4)), rng.normal(size=(3, 5))], rng.normal(size=5)
    network, vector = Network.from_matrices(matrices, [bias, None])
    assert [layer.bias for layer in network.layers] == [True, False]
    assert [layer.activation for layer in network.layers] == [Activation.RELU, Activation.NONE]
    first, second = from_vector(network, vector)
    assert first.cores[0].tolist() == matrices[0].tolist()
    assert second.cores[0].tolist() == matrices[1].tolist()
    assert first.bias is not None
    assert first.bias.tolist() == bias.tolist()
    assert second.bias is None


def test_matrices_of_sufficient_rank_are_imported_as_tensor_trains():
    matrix = np.random.default_rng(2).normal(size=(6, 8))
    network, vector = Network.from_matrices([matrix], None, [((2, 4), (3, 2))], [6])
    assert network.layers[0].form == TensorTrain((2, 4), (3, 2), (1, 6, 1))
    assert network.layers[0].activation == Activation.NONE
    (layer,) = from_vector(network, vector)
    np.testing.assert_allclose(full_matrix(layer.cores), matrix, atol=1e-13)


def test_lists_of_other_lengths_are_errors():
    with pytest.raises(UserError, match="2 matrices need as many biases, not 1"):
        Network.from_matrices([np.eye(2), np.eye(2)], [None])
