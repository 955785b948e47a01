"""One network in PyTorch, written in the ways that a program may write it.

Batch first, a form takes the parameters of one query, float32 of shape (parameters,), and samples
of shape (samples, inputs). With samples innermost it takes a row of parameters per query and
samples of shape (inputs, samples), and returns outputs of shape (queries, outputs, samples).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tenzo.sw.networks.contraction import Order, choose_order, stage_shapes
from tenzo.sw.networks.float_stages import FloatStage
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.program import Activation


def batch_first(stages: Sequence[FloatStage], weights: Tensor, x: Tensor) -> Tensor:
    """One query, batch first, one ``matmul`` per core; weights of shape (parameters,)."""
    samples = len(x)
    for left, J, K, right, first, bias, activation in stages:
        matrix = weights[first : first + J * K].view(J, K)
        x = torch.matmul(matrix, x.reshape(samples, left, K, right)).reshape(samples, -1)
        if bias is not None:
            x = x + weights[bias : bias + left * J * right]
        if activation == Activation.RELU:
            x = torch.relu(x)
    return x


def batch_first_einsum(stages: Sequence[FloatStage], weights: Tensor, x: Tensor) -> Tensor:
    """The same with ``einsum``, which moves axes until one large product is left."""
    samples = len(x)
    for left, J, K, right, first, bias, activation in stages:
        matrix = weights[first : first + J * K].view(J, K)
        x = torch.einsum("jk,blkr->bljr", matrix, x.reshape(samples, left, K, right))
        x = x.reshape(samples, -1)
        if bias is not None:
            x = x + weights[bias : bias + left * J * right]
        if activation == Activation.RELU:
            x = torch.relu(x)
    return x


def innermost(stages: Sequence[FloatStage], weights: Tensor, x: Tensor) -> Tensor:
    """Several queries in one batched product, samples innermost: ``x`` is (inputs, samples)."""
    queries, samples = len(weights), x.shape[1]
    x = x.expand(queries, *x.shape)
    for left, J, K, right, first, bias, activation in stages:
        matrix = weights[:, first : first + J * K].reshape(queries, 1, J, K)
        x = torch.matmul(matrix, x.reshape(queries, left, K, right * samples))
        x = x.reshape(queries, left * J * right, samples)
        if bias is not None:
            x = x + weights[:, bias : bias + left * J * right, None]
        if activation == Activation.RELU:
            x = torch.relu(x)
    return x


def merged(network: Network, groups: Sequence[int], weights: Tensor, x: Tensor) -> Tensor:
    """Samples innermost, after neighbouring cores of a layer were multiplied into larger ones.

    Another algorithm for the same function: it may need fewer products, and larger ones.

    Parameters
    ----------
    network : :class:`Network`
    groups : sequence of :class:`int`
        Cores that become one, in turn; the last group takes what is left.
    weights : tensor of shape (queries, parameters)
    x : tensor of shape (inputs, samples)
    """
    queries, samples = len(weights), x.shape[1]
    x = x.expand(queries, *x.shape)
    for layer, cores, bias in layer_cores(network, weights):
        left, right = layer.inputs, 1
        for core in reversed(_merge(cores, groups)):
            _, before, inputs, outputs, after = core.shape
            left //= inputs
            matrix = core.permute(0, 1, 3, 2, 4).reshape(queries, 1, before * outputs, -1)
            x = torch.matmul(matrix, x.reshape(queries, left, inputs * after, right * samples))
            right *= outputs
        x = x.reshape(queries, layer.outputs, samples)
        x = _activated(x if bias is None else x + bias[:, :, None], layer)
    return x


def t3nsor_style(network: Network, weights: Tensor, x: Tensor) -> Tensor:
    """One query, batch first, one ``einsum`` per core, last core first; rows of one query.

    Source: ``tt_dense_matmul`` of the library t3nsor.
    """
    samples = len(x)
    for layer, cores, bias in layer_cores(network, weights[None]):
        data = x
        for core in reversed(cores):
            _, _, inputs, _, after = core.shape
            data = data.reshape(-1, inputs, after)
            data = torch.einsum("aijb,rib->jra", core[0], data).contiguous()
        x = data.reshape(-1, samples).T
        x = _activated(x if bias is None else x + bias[0], layer)
    return x


def layer_cores(
    network: Network, weights: Tensor
) -> list[tuple[Layer, list[Tensor], Tensor | None]]:
    """Return for each layer its cores (queries, r_{k-1}, n_k, m_k, r_k) and its bias.

    A dense layer is one core.
    """
    result = []
    first, first_bias = 0, network.weight_count
    for layer in network.layers:
        order = choose_order(layer)
        cores: list[Tensor] = [weights] * len(layer.core_shapes)
        for shape in stage_shapes(layer, order):
            part = weights[:, first : first + shape.J * shape.K]
            cores[shape.core] = _core(layer, shape.core, order, part)
            first += shape.J * shape.K
        bias = weights[:, first_bias : first_bias + layer.outputs] if layer.bias else None
        first_bias += layer.bias_count
        result.append((layer, cores, bias))
    return result


def _core(layer: Layer, index: int, order: Order, part: Tensor) -> Tensor:
    """Return W of a stage as the core that it was made of, with the queries' axis first."""
    queries = len(part)
    if isinstance(layer.form, Dense):
        return part.reshape(queries, 1, layer.outputs, layer.inputs, 1).transpose(2, 3)
    before, n, m, after = layer.core_shapes[index]
    if order is Order.LAST_CORE_FIRST:
        return part.reshape(queries, before, m, n, after).transpose(2, 3)
    return part.reshape(queries, m, after, before, n).permute(0, 3, 4, 1, 2)


def _merge(cores: Sequence[Tensor], groups: Sequence[int]) -> list[Tensor]:
    """Multiply cores into as many as there are groups."""
    rest = list(cores)
    result = []
    for index, size in enumerate(groups):
        taken = rest if index == len(groups) - 1 else rest[:size]
        rest = rest[len(taken) :]
        if taken:
            product = taken[0]
            for core in taken[1:]:
                product = _product(product, core)
            result.append(product)
    return result


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Return two neighbouring cores as one."""
    queries, before, n, m, bond = first.shape
    _, _, n2, m2, after = second.shape
    product = torch.matmul(first.reshape(queries, -1, bond), second.reshape(queries, bond, -1))
    product = product.reshape(queries, before, n, m, n2, m2, after).transpose(3, 4)
    return product.reshape(queries, before, n * n2, m * m2, after)


def _activated(x: Tensor, layer: Layer) -> Tensor:
    return torch.relu(x) if layer.activation == Activation.RELU else x
