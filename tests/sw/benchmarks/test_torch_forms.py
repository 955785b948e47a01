"""All forms of PyTorch compute what the float64 contraction computes."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tenzo.sw.benchmarks import torch_forms  # noqa: E402
from tenzo.sw.benchmarks.cases import make_case  # noqa: E402
from tenzo.sw.benchmarks.float_network import float_outputs  # noqa: E402
from tenzo.sw.benchmarks.torch_peers import MERGES, TorchPeers  # noqa: E402
from tenzo.sw.networks.contraction import Order, choose_orders  # noqa: E402
from tenzo.sw.networks.float_stages import float_stages  # noqa: E402
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain  # noqa: E402
from tenzo.sw.program import Activation  # noqa: E402

NETWORK = Network(
    (
        Layer(12, 30, TensorTrain((3, 2, 2), (2, 3, 5), (1, 2, 3, 1)), True, Activation.RELU),
        Layer(30, 6, TensorTrain((2, 3, 5), (6, 1, 1), (1, 3, 2, 1)), False, Activation.RELU),
        Layer(6, 6, TensorTrain((3, 2), (1, 6), (1, 2, 1)), True, Activation.NONE),
        Layer(6, 3, Dense(), True, Activation.NONE),
    )
)
SAMPLES, QUERIES = 5, 4


@pytest.fixture
def numbers():
    random = np.random.default_rng(3)
    weights = random.standard_normal((QUERIES, NETWORK.parameter_count))
    x = random.standard_normal((SAMPLES, NETWORK.inputs))
    expected = float_outputs(float_stages(NETWORK), weights, x)
    return torch.from_numpy(weights), torch.from_numpy(x), torch.from_numpy(expected)


def test_network_of_these_tests_has_all_orders():
    assert set(choose_orders(NETWORK)) == set(Order)


@pytest.mark.parametrize("form", ["batch_first", "batch_first_einsum"])
def test_batch_first_forms_agree(form, numbers):
    weights, x, expected = numbers
    function = getattr(torch_forms, form)
    for row, outputs in zip(weights, expected, strict=True):
        torch.testing.assert_close(function(float_stages(NETWORK), row, x), outputs.T)


def test_t3nsor_style_agrees(numbers):
    weights, x, expected = numbers
    for row, outputs in zip(weights, expected, strict=True):
        torch.testing.assert_close(torch_forms.t3nsor_style(NETWORK, row, x), outputs.T)


def test_tensorly_torch_agrees(numbers):
    pytest.importorskip("tltorch")
    from tenzo.sw.benchmarks.tensorly_form import tensorly_outputs

    weights, x, expected = numbers
    for row, outputs in zip(weights, expected, strict=True):
        torch.testing.assert_close(tensorly_outputs(NETWORK, row, x), outputs.T)


def test_samples_innermost_agree(numbers):
    weights, x, expected = numbers
    outputs = torch_forms.innermost(float_stages(NETWORK), weights, x.T.contiguous())
    torch.testing.assert_close(outputs, expected)


@pytest.mark.parametrize("groups", [*MERGES.values(), (3, 1), (1, 3)])
def test_merged_cores_agree(groups, numbers):
    weights, x, expected = numbers
    outputs = torch_forms.merged(NETWORK, groups, weights, x.T.contiguous())
    torch.testing.assert_close(outputs, expected)


@pytest.mark.slow
def test_every_variant_evaluates_all_queries_in_order(monkeypatch):
    case = make_case("digits")
    monkeypatch.setattr(TorchPeers, "_compiled", lambda self: iter(()))
    peers = TorchPeers(case, 2)
    variants = list(peers._variants())
    for variant in variants:
        outputs = torch.cat(peers.evaluate(variant)).numpy()
        case.check(f"{variant.family}, {variant.details}", outputs)
    assert {"torch-eager", "torch-einsum", "torch-innermost", "torch-merged", "torch-vmap"} <= {
        variant.family for variant in variants
    }


def test_a_form_of_another_function_is_refused(monkeypatch):
    case = make_case("digits")
    peers = TorchPeers(case, 1)
    wrong = partial(torch_forms.innermost, case.stages[:-1])
    variants = list(peers._grouped("torch-wrong", "", wrong, (16,)))
    monkeypatch.setattr(peers, "_variants", lambda: variants)
    with pytest.raises((RuntimeError, ValueError)):
        peers.contenders()
