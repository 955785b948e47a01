"""One network with the layers of TensorLy-Torch."""

from __future__ import annotations

import tensorly
import torch
from torch import Tensor

_before = tensorly.get_backend()
from tltorch import BlockTT  # noqa: E402 - it sets the backend of the whole process
from tltorch.functional.factorized_linear import linear_blocktt  # noqa: E402

tensorly.set_backend(_before)

from tenzo.sw.benchmarks.torch_forms import layer_cores  # noqa: E402
from tenzo.sw.networks.network import Dense, Network  # noqa: E402
from tenzo.sw.program import Activation  # noqa: E402


def tensorly_outputs(network: Network, weights: Tensor, x: Tensor) -> Tensor:
    """One query, batch first; its parameters (parameters,), samples (samples, inputs)."""
    with tensorly.backend_context("pytorch"):
        for layer, cores, bias in layer_cores(network, weights[None]):
            if isinstance(layer.form, Dense):
                x = torch.nn.functional.linear(x, cores[0].reshape(layer.inputs, -1).T)
            else:
                form = layer.form
                factors = [core[0].transpose(1, 2) for core in cores]
                shape = (form.output_modes, form.input_modes)
                x = linear_blocktt(x, BlockTT(factors, shape, form.ranks))
            if bias is not None:
                x = x + bias[0]
            if layer.activation == Activation.RELU:
                x = torch.relu(x)
    return x
