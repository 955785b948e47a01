"""Optimisers against their equations in plain Python floats."""

import math
from typing import Any

import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.training.optimisers import OPTIMISERS, make_optimiser

RATE = 0.01
GRADIENTS = np.random.default_rng(4).normal(size=(6, 3))


def trained(name: str, **options: Any) -> list[float]:
    weights = np.ones(3)
    optimiser = make_optimiser(name, 3, **options)
    for gradient in GRADIENTS:
        optimiser.step(weights, gradient, RATE)
    return weights.tolist()


def test_sgd_follows_its_equation() -> None:
    expected = [1.0, 1.0, 1.0]
    for gradient in GRADIENTS.tolist():
        expected = [w - RATE * g for w, g in zip(expected, gradient, strict=True)]
    assert trained("sgd") == expected


def test_momentum_follows_its_equation() -> None:
    expected = []
    for column in GRADIENTS.T.tolist():
        weight, velocity = 1.0, 0.0
        for g in column:
            velocity = 0.8 * velocity + g
            weight -= RATE * velocity
        expected.append(weight)
    assert trained("momentum", beta=0.8) == expected


def test_sign_momentum_follows_its_equation() -> None:
    expected = []
    for column in GRADIENTS.T.tolist():
        weight, mean = 1.0, 0.0
        for g in column:
            mean = 0.8 * mean + (1 - 0.8) * g
            weight -= RATE * math.copysign(1.0, mean)
        expected.append(weight)
    assert trained("sign-momentum", beta=0.8) == expected


def test_sign_sgd_follows_its_equation() -> None:
    expected = [1.0, 1.0, 1.0]
    for gradient in GRADIENTS.tolist():
        expected = [
            w - RATE * math.copysign(1.0, g) for w, g in zip(expected, gradient, strict=True)
        ]
    assert trained("sign-sgd") == expected


def test_adam_follows_its_equation() -> None:
    expected = []
    for column in GRADIENTS.T.tolist():
        weight, mean, square, power1, power2 = 1.0, 0.0, 0.0, 1.0, 1.0
        for g in column:
            power1 *= 0.95
            power2 *= 0.99
            mean = 0.95 * mean + (1 - 0.95) * g
            square = 0.99 * square + (1 - 0.99) * (g * g)
            root = math.sqrt(square / (1 - power2)) + 1e-6
            weight -= mean / (1 - power1) / root * RATE
        expected.append(weight)
    assert trained("adam", beta1=0.95, beta2=0.99, epsilon=1e-6) == expected


def test_first_adam_step_is_the_rate() -> None:
    weights = np.zeros(2)
    make_optimiser("adam", 2).step(weights, np.array([5.0, -0.001]), RATE)
    np.testing.assert_allclose(weights, [-RATE, RATE], rtol=1e-4)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_restored_state_goes_on_with_the_same_bits(name: str) -> None:
    whole = np.ones(3)
    optimiser = make_optimiser(name, 3)
    for gradient in GRADIENTS[:3]:
        optimiser.step(whole, gradient, RATE)
    resumed, state = whole.copy(), optimiser.state()
    for gradient in GRADIENTS[3:]:
        optimiser.step(whole, gradient, RATE)
    second = make_optimiser(name, 3)
    second.load_state(state)
    for gradient in GRADIENTS[3:]:
        second.step(resumed, gradient, RATE)
    assert resumed.tolist() == whole.tolist()


@pytest.mark.parametrize("name", ["momentum", "adam", "sign-momentum"])
def test_a_state_of_another_size_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="belongs to another configuration"):
        make_optimiser(name, 3).load_state(make_optimiser(name, 4).state())


def test_a_state_of_another_optimiser_is_refused() -> None:
    with pytest.raises(UserError, match="belongs to another configuration"):
        make_optimiser("sgd", 3).load_state(make_optimiser("momentum", 3).state())


def test_unknown_optimiser_lists_the_known() -> None:
    known = "adam, momentum, sgd, sign-momentum, sign-sgd"
    with pytest.raises(UserError, match=f"optimiser must be one of {known}, not 'rmsprop'"):
        make_optimiser("rmsprop", 3)


def test_unknown_option_lists_the_known() -> None:
    with pytest.raises(UserError, match=r"'adam' has no option 'beta'.*beta1, beta2, epsilon"):
        make_optimiser("adam", 3, beta=0.9)
    with pytest.raises(UserError, match="'sgd' has no option 'beta'; its options: none"):
        make_optimiser("sgd", 3, beta=0.9)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("momentum", {"beta": 1.0}),
        ("sign-momentum", {"beta": -0.1}),
        ("adam", {"beta1": float("nan")}),
        ("adam", {"beta2": 1.5}),
        ("adam", {"epsilon": 0.0}),
    ],
)
def test_option_out_of_range_is_named(name: str, options: dict[str, float]) -> None:
    (key, value) = next(iter(options.items()))
    with pytest.raises(UserError, match=f"{key}.*not {value}"):
        make_optimiser(name, 3, **options)
