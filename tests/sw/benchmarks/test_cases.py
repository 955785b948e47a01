import numpy as np
import pytest

from tenzo.sw.benchmarks import cases
from tenzo.sw.benchmarks.cases import make_case
from tenzo.sw.golden.device import GoldenDevice


@pytest.fixture(scope="module")
def digits():
    return make_case("digits")


def test_hjb20_is_the_published_network(monkeypatch):
    monkeypatch.setattr(cases, "TRAINING_STEPS", 1)
    case = make_case("hjb20")
    assert (case.network.parameter_count, case.program.macs) == (1929, 18_536)


def test_a_case_has_both_signs_of_eight_directions_on_128_samples(digits):
    assert [query.sign for query in digits.queries] == [1, -1] * 8
    assert len({query.seed for query in digits.queries}) == 8
    assert digits.macs == 7840 * 16 * 128


def test_weights_are_trained(digits, monkeypatch):
    monkeypatch.setattr(cases, "TRAINING_STEPS", 1)
    assert not np.array_equal(make_case("digits").weights_raw, digits.weights_raw)


def test_a_case_is_the_same_every_time(digits):
    assert np.array_equal(make_case("digits").weights_raw, digits.weights_raw)


def test_reference_is_the_function_of_the_golden_model(digits):
    device = GoldenDevice(digits.engine)
    device.load_program(digits.program)
    device.write_parameters(digits.weights_raw)
    step = 2.0**-digits.program.output_frac_bits
    outputs = np.empty(digits.reference.shape)
    for part in device.evaluate(digits.samples_raw, digits.queries):
        last = part.first_sample + len(part.outputs_raw)
        outputs[part.query, part.first_sample : last] = part.outputs_raw * step
    assert np.abs(outputs - digits.reference).max() < 0.002


def test_another_function_is_refused(digits):
    digits.check("peer", digits.reference)
    with pytest.raises(RuntimeError, match="peer computes another function"):
        digits.check("peer", digits.reference[:, ::-1])
