"""Parameters of a network: between cores, matrices and biases and the engine's address order.

A parameter vector holds W of every stage in program order, each row-major (J, K), then all biases,
layer by layer in flat output order. That is the order of addresses and of the random stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tenzo.sw.errors import UserError
from tenzo.sw.networks.contraction import Order, choose_order, stage_shapes
from tenzo.sw.networks.network import Layer, Network, TensorTrain
from tenzo.sw.networks.tt import initial_cores
from tenzo.sw.numerics import FloatArray
from tenzo.sw.program import Activation

_WEIGHT_AXES = {Order.LAST_CORE_FIRST: (0, 2, 1, 3), Order.FIRST_CORE_FIRST: (2, 3, 0, 1)}
"""Axes of a core (r_{k-1}, n, m, r_k) as rows and columns of W."""


@dataclass(frozen=True)
class LayerParameters:
    """Parameters of one layer.

    Parameters
    ----------
    cores : list of float64 arrays
        Core k of a tensor train has shape (r_{k-1}, n_k, m_k, r_k); a dense layer has one matrix
        (outputs, inputs).
    bias : float64 array of shape (outputs,), or None
    """

    cores: list[FloatArray]
    bias: FloatArray | None = None


def to_vector(network: Network, layers: Sequence[LayerParameters]) -> FloatArray:
    """Return the parameter vector, float64 of shape (parameter_count,).

    Raises
    ------
    UserError
        If there are other layers, or an array has another shape.
    """
    if len(layers) != len(network.layers):
        raise UserError(f"{len(network.layers)} layers need as many sets, not {len(layers)}")
    pairs = list(zip(network.layers, layers, strict=True))
    weights = [part for layer, parameters in pairs for part in _stage_weights(layer, parameters)]
    biases = [_bias(layer, parameters) for layer, parameters in pairs]
    return np.concatenate([np.ravel(part) for part in (*weights, *biases)]).astype(np.float64)


def from_vector(network: Network, vector: FloatArray) -> list[LayerParameters]:
    """Return the parameters of each layer: the inverse of :func:`to_vector`.

    Raises
    ------
    UserError
        If the vector has another length.
    """
    if vector.shape != (network.parameter_count,):
        raise UserError(f"the network has {network.parameter_count} parameters, not {vector.shape}")
    layers = []
    weight, bias = 0, network.weight_count
    for layer in network.layers:
        cores = _cores(layer, vector[weight : weight + layer.weight_count])
        values = vector[bias : bias + layer.bias_count].copy() if layer.bias else None
        layers.append(LayerParameters(cores, values))
        weight += layer.weight_count
        bias += layer.bias_count
    return layers


def initial_vector(network: Network, seed: int) -> FloatArray:
    """Return random initial parameters, float64 of shape (parameter_count,); biases are zero.

    The entries of each layer's whole matrix have variance 2 / inputs before ReLU and 1 / inputs
    otherwise; layer i uses stream i of the seed. See :func:`tenzo.sw.networks.tt.initial_cores`.
    """
    return to_vector(
        network, [_initial(layer, seed, index) for index, layer in enumerate(network.layers)]
    )


def _initial(layer: Layer, seed: int, stream: int) -> LayerParameters:
    """Return the initial parameters of a layer; a dense one is a train of one core."""
    bias = np.zeros(layer.outputs) if layer.bias else None
    variance = (2.0 if layer.activation == Activation.RELU else 1.0) / layer.inputs
    form = layer.form
    if isinstance(form, TensorTrain):
        return LayerParameters(
            initial_cores(form.input_modes, form.output_modes, form.ranks, variance, seed, stream),
            bias,
        )
    (core,) = initial_cores([layer.inputs], [layer.outputs], [1, 1], variance, seed, stream)
    return LayerParameters([core[0, :, :, 0].T], bias)


def _stage_weights(layer: Layer, parameters: LayerParameters) -> list[FloatArray]:
    """Return W (J, K) of every stage, with the axes of its core, in the order of the stages."""
    shapes = [np.shape(core) for core in parameters.cores]
    if tuple(shapes) != layer.core_shapes:
        raise UserError(f"cores must have the shapes {list(layer.core_shapes)}, not {shapes}")
    if not isinstance(layer.form, TensorTrain):
        return parameters.cores
    order = choose_order(layer)
    axes = _WEIGHT_AXES[order]
    return [parameters.cores[s.core].transpose(axes) for s in stage_shapes(layer, order)]


def _bias(layer: Layer, parameters: LayerParameters) -> FloatArray:
    """Return the bias of a layer, of length 0 if it has none."""
    bias = np.zeros(0) if parameters.bias is None else parameters.bias
    if bias.shape != (layer.bias_count,):
        raise UserError(f"a bias must have shape {(layer.bias_count,)}, not {bias.shape}")
    return bias


def _cores(layer: Layer, weights: FloatArray) -> list[FloatArray]:
    """Cut a layer's part of the vector into cores."""
    if not isinstance(layer.form, TensorTrain):
        return [weights.reshape(layer.outputs, layer.inputs).copy()]
    order = choose_order(layer)
    axes = _WEIGHT_AXES[order]
    cores: list[FloatArray] = [np.zeros(0)] * len(layer.core_shapes)
    first = 0
    for stage in stage_shapes(layer, order):
        shape = layer.core_shapes[stage.core]
        part = weights[first : first + stage.J * stage.K].reshape([shape[axis] for axis in axes])
        cores[stage.core] = part.transpose(np.argsort(axes)).copy()
        first += stage.J * stage.K
    return cores
