"""Golden networks against full float64 matrices by TensorLy, within the proven error bound.

The bound is derived in docs/numbers.md, section "Error of a whole network".
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import tensorly.tt_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.networks.network import Network
from tenzo.sw.networks.parameters import LayerParameters, from_vector, initial_vector
from tenzo.sw.planning.calibration import calibrate
from tenzo.sw.planning.planner import Plan, StagePlan, plan
from tenzo.sw.program import Activation
from tests.sw.network_cases import DIGITS, MNIST, MNIST_1024, networks

Array = npt.NDArray[np.float64]

FLOAT_UNIT = 2.0**-53


FUNCTIONS: dict[Activation, Callable[[Array], Array]] = {
    Activation.NONE: lambda values: values,
    Activation.RELU: lambda values: np.maximum(values, 0),
    Activation.SINE: np.sin,
    Activation.TANH: np.tanh,
}
"""None of them is steeper than 1, so none makes an error larger."""


def full_matrix(parameters: LayerParameters) -> Array:
    """Matrix (outputs, inputs) of a layer, built by TensorLy from its cores."""
    cores = parameters.cores
    if cores[0].ndim == 2:
        return cores[0]
    rows_first = [core.transpose(0, 2, 1, 3) for core in cores]
    return np.asarray(tensorly.tt_matrix.tt_matrix_to_matrix(rows_first))


def float_network(
    network: Network, layers: list[LayerParameters], samples: Array
) -> tuple[Array, Array]:
    """Outputs of the network in float64, and a bound of this computation's own error.

    A sum of n products in any order errs by less than 2 n 2^-53 times the sum of magnitudes, for
    n < 2^20. An entry of W is itself such a sum, over all ranks and cores.
    """
    values, error = samples, np.zeros_like(samples)
    for layer, parameters in zip(network.layers, layers, strict=True):
        matrix = full_matrix(parameters)
        magnitude = full_matrix(
            LayerParameters([np.abs(core) for core in parameters.cores], parameters.bias)
        )
        terms = layer.inputs + 2 + sum(core.shape[0] + 1 for core in parameters.cores)
        bias = np.zeros(layer.outputs) if parameters.bias is None else parameters.bias
        total = (np.abs(values) + error) @ magnitude.T + np.abs(bias)
        error = error @ magnitude.T + 2 * terms * FLOAT_UNIT * total
        values = values @ matrix.T + bias
        values = FUNCTIONS[layer.activation](values)
        error += 4 * FLOAT_UNIT
    return values, error


def apply_stages(stages: Sequence[StagePlan], weights: Array, values: Array) -> Array:
    """Run stages in float64 on values of shape (batch, inputs of the first stage)."""
    for stage in stages:
        first = stage.weight_base
        matrix = weights[first : first + stage.J * stage.K].reshape(stage.J, stage.K)
        values = np.matmul(matrix, values.reshape(-1, stage.left, stage.K, stage.right))
        values = values.reshape(len(values), -1)
    return values


def rounding_bound(planned: Plan, weights: Array) -> Array:
    """Bound of the error of each output.

    ``E = |W| E_before + sum over stages of |T| (half a unit)``, layer after layer, with W the
    layer's matrix and T what the stages after a stage of the layer do to its output. Sine and tanh
    add the bound of the table.
    """
    engine = planned.engine
    error = np.zeros(planned.network.inputs)
    for layer in planned.layers:
        whole = apply_stages(layer.stages, weights, np.eye(layer.inputs))
        error = error @ np.abs(whole)
        for index, stage in enumerate(layer.stages):
            outputs = stage.left * stage.J * stage.right
            following = apply_stages(layer.stages[index + 1 :], weights, np.eye(outputs))
            if stage.shift:
                step = 2.0 ** (stage.shift - stage.input_frac_bits - engine.weight.frac_bits)
                error += np.abs(following).sum(axis=0) * 0.5 * step
        if Activation[layer.stages[-1].activation.upper()].uses_table:
            error += engine.table.error_bound * 2.0**-engine.table.output_frac_bits
    return error * (1 + 1e-9)  # what float64 rounds in this bound


def check(network: Network, engine: EngineParameters, seed: int, scale: float = 1.0) -> float:
    """Compare on 20 random samples; return the bound as a part of the largest output."""
    rng = np.random.default_rng(seed)
    vector = initial_vector(network, seed)
    vector[network.weight_count :] = rng.normal(size=network.bias_count) * 0.1
    raw = engine.weight.quantize(vector)
    samples_raw = engine.activation.quantize(rng.random((20, network.inputs)) * scale)
    planned = plan(network, engine, calibrate(network, engine, raw, samples_raw))
    device = GoldenDevice(engine)
    device.load_program(planned.program)
    device.write_parameters(raw)
    (item,) = device.evaluate(samples_raw, [Query()])
    assert not device.read_counters().saturations.any()
    outputs = item.outputs_raw * 2.0**-planned.program.output_frac_bits
    weights = raw.astype(np.float64) * engine.weight.step
    layers = from_vector(network, weights)
    exact, own_error = float_network(
        network, layers, samples_raw.astype(np.float64) * engine.activation.step
    )
    bound = rounding_bound(planned, weights) + own_error
    error = np.abs(outputs - exact)
    assert (error <= bound).all(), f"seed {seed}: {error.max()} exceeds {bound.min()}"
    return float(bound.max() / np.abs(exact).max()) if exact.any() else 0.0


LARGE = EngineParameters(
    lane_depth=16384, weight_depth=8192, bias_depth=2048, result_depth=256, table_units=1
)


@pytest.mark.parametrize(
    ("network", "most"),
    [
        (DIGITS, 0.005),
        (MNIST, 0.03),
        pytest.param(MNIST_1024, 0.2, marks=pytest.mark.slow),
    ],
    ids=["digits", "mnist", "mnist-1024"],
)
def test_presets_stay_within_a_bound_that_says_something(network, most):
    assert check(network, LARGE, seed=1) < most


FORMATS = [
    (Format(8, 6), Format(8, 6)),
    (Format(16, 13), Format(16, 14)),
    (Format(18, 14), Format(18, 16)),
    (Format(24, 20), Format(16, 14)),
    (Format(11, 7), Format(13, 9)),
]


@pytest.mark.parametrize(("activation", "weight"), FORMATS, ids=str)
def test_digits_in_other_formats_stay_within_the_bound(activation, weight):
    engine = EngineParameters(activation, weight)
    check(DIGITS, engine, seed=2)


@settings(max_examples=60)
@given(networks(), st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0]))
def test_random_networks_stay_within_the_bound(network, seed, scale):
    check(network, LARGE, seed, scale)
