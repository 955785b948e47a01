"""What changes with one parameter: costs, addresses, and the sets themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.planning.delta import Deltas, Span
from tenzo.sw.planning.kept import keep_all
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation
from tests.sw.network_cases import DIGITS, LARGE_ENGINE, MNIST, MNIST_1024

RELU = Activation.RELU
HJB = Network(
    (
        Layer(21, 512, TensorTrain((1, 1, 3, 7), (8, 4, 4, 4), (1, 2, 2, 2, 1)), True, RELU),
        Layer(512, 512, TensorTrain((4, 4, 4, 8), (8, 4, 4, 4), (1, 2, 2, 2, 1)), True, RELU),
        Layer(512, 1, Dense(), True, Activation.NONE),
    )
)
BLACK_SCHOLES = Network(
    (
        Layer(2, 128, Dense(), True, RELU),
        Layer(128, 128, TensorTrain((4, 4, 8), (8, 4, 4), (1, 2, 2, 1)), True, RELU),
        Layer(128, 1, Dense(), True, Activation.NONE),
    )
)
DENSE = Network(
    (
        Layer(784, 256, Dense(), False, RELU),
        Layer(256, 10, Dense(), False, Activation.NONE),
    )
)


def deltas(network: Network) -> Deltas:
    return Deltas(plan(network, LARGE_ENGINE).program)


# Passes of a sweep: method of the project, sums corrected; measured with sets, not with a formula.
@pytest.mark.parametrize(
    ("network", "parameters", "passes"),
    [
        (DIGITS, 826, 43),
        (MNIST, 1504, 49),
        (MNIST_1024, 3962, 115),
        (HJB, 1929, 154),
        (BLACK_SCHOLES, 833, 63),
    ],
)
def test_a_sweep_costs_few_passes(network, parameters, passes):
    program = plan(network, LARGE_ENGINE).program
    assert program.parameter_count == parameters
    assert round(Deltas(program).macs / program.macs) == passes


@pytest.mark.parametrize("network", [DIGITS, MNIST, HJB, BLACK_SCHOLES])
def test_rows_hold_every_address_once(network):
    found = deltas(network)
    addresses = [row.first_address + i for row in found.rows for i in range(row.count)]
    assert addresses == list(range(found.program.parameter_count))
    assert len(found.macs_by_address) == found.program.parameter_count


@pytest.mark.parametrize("network", [DIGITS, MNIST, BLACK_SCHOLES])
def test_kept_outputs_share_no_word(network):
    program = keep_all(plan(network, LARGE_ENGINE).program)
    words = [
        word
        for stage in program.stages
        if not stage.to_results
        for word in range(stage.output_base, stage.output_base + stage.output_count)
    ]
    assert len(words) == len(set(words))
    assert min(words) >= max(program.sample_bases) + program.input_count
    for before, after in zip(program.stages, program.stages[1:], strict=False):
        assert after.input_base == before.output_base


def test_a_network_too_large_to_keep_is_refused():
    wide = Network(
        (Layer(8, 40000, Dense(), False, RELU), Layer(40000, 30000, Dense(), False, RELU))
    )
    with pytest.raises(UserError, match="more than 65536"):
        keep_all(_program_of(wide))


def _program_of(network):
    from dataclasses import replace

    program = plan(DIGITS, LARGE_ENGINE).program
    first = replace(
        program.stages[0], counts=(1, 1, 1, 1, 40000, 8), output_strides=(0, 0, 0, 0, 1)
    )
    second = replace(first, output_base=0, counts=(1, 1, 1, 1, 30000, 8), sample_input=False)
    last = replace(second, to_results=True, counts=(1, 1, 1, 1, 10, 8))
    return program.with_stages([first, second, last])


@given(st.data())
def test_spans_hold_what_they_are_made_of(data):
    size = data.draw(st.integers(1, 60))
    chosen = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    span = Span.of(chosen, size)
    assert span.size == len(span.indices())
    assert span.indices() in (chosen, list(range(size)))


@pytest.mark.parametrize(
    ("indices", "span"),
    [
        ([5], Span(5, 1, 0, 1, 1)),
        ([1, 4, 7], Span(1, 1, 0, 3, 3)),
        ([0, 1, 8, 9, 16, 17], Span(0, 3, 8, 2, 1)),
        ([0, 1, 3], Span(0, 1, 0, 20, 1)),
    ],
)
def test_spans_use_two_counters(indices, span):
    assert Span.of(indices, 20) == span


@given(st.data())
def test_a_changed_weight_changes_no_value_outside_its_slices(data):
    network = data.draw(st.sampled_from([DIGITS, BLACK_SCHOLES]))
    found = deltas(network)
    row = data.draw(st.sampled_from(found.rows))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weights = [
        rng.integers(-50, 50, (s.counts[4], s.counts[5])).astype(np.int64)
        for s in found.program.stages
    ]
    x = rng.integers(-50, 50, found.program.input_count)
    before, after = (_values(found, weights, x, row if changed else None) for changed in (0, 1))
    for part in row.chain:
        stage = found.program.stages[part.stage]
        shape = (stage.counts[1], stage.counts[4], stage.counts[3])
        changed = (before[part.stage] != after[part.stage]).reshape(shape)
        inside = np.zeros(shape, dtype=bool)
        inside[np.ix_(part.left.indices(), part.rows.indices(), part.right.indices())] = True
        assert not (changed & ~inside).any()


def _values(found, weights, x, row):
    """Outputs of every stage, wrapping integers without rounding, one parameter changed."""
    outputs = []
    for index, stage in enumerate(found.program.stages):
        _, left, _, right, _, K = stage.counts
        matrix = weights[index].copy()
        if row is not None and row.own.stage == index and not row.is_bias:
            matrix[row.own.rows.base, 0] += 7
        x = np.matmul(matrix, x.reshape(left, K, right))
        if row is not None and row.own.stage == index and row.is_bias:
            x[row.own.left.base, row.own.rows.base, row.own.right.base] += 7
        x = x % 1009
        outputs.append(x.reshape(-1))
    return outputs
