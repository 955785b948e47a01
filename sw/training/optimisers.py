"""Optimisers: elementwise float64 steps, the same bits everywhere.

Every operation is one IEEE operation per element; powers are kept as running products.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from tenzo.sw.configuration.options import build
from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray


class Optimiser(Protocol):
    """Turns gradients into steps of the float64 shadow weights."""

    def step(self, weights: FloatArray, gradient: FloatArray, learning_rate: float) -> None:
        """Change ``weights``, float64 (d,), in place by one step along ``gradient`` (d,)."""
        ...

    def state(self) -> dict[str, FloatArray]:
        """Return copies of all that the next step depends on, for a checkpoint."""
        ...

    def load_state(self, state: Mapping[str, FloatArray]) -> None:
        """Continue from a state; :class:`UserError` if names or shapes differ."""
        ...


class _Stateful:
    """Keeps named arrays as attributes."""

    _names: tuple[str, ...] = ()

    def state(self) -> dict[str, FloatArray]:
        """Return copies of all that the next step depends on."""
        return {name: getattr(self, name).copy() for name in self._names}

    def load_state(self, state: Mapping[str, FloatArray]) -> None:
        """Continue from a state; :class:`UserError` if names or shapes differ."""
        own = {name: getattr(self, name).shape for name in self._names}
        given = {name: np.shape(array) for name, array in state.items()}
        if own != given:
            raise UserError(
                f"optimiser state must hold {own}, not {given}; "
                "the checkpoint belongs to another configuration"
            )
        for name in self._names:
            getattr(self, name)[...] = state[name]


class Sgd(_Stateful):
    """Gradient descent: w <- w - rate g.

    Parameters
    ----------
    size : :class:`int`
        Number of weights d.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def step(self, weights: FloatArray, gradient: FloatArray, learning_rate: float) -> None:
        """Change ``weights`` in place."""
        weights -= learning_rate * gradient


class Momentum(_Stateful):
    """Gradient descent with momentum: v <- beta v + g; w <- w - rate v.

    Parameters
    ----------
    size : :class:`int`
        Number of weights d.
    beta : :class:`float`
        0 (included) to 1 (excluded).

    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """

    _names = ("velocity",)

    def __init__(self, size: int, beta: float = 0.9) -> None:
        self.beta = _decay("beta", beta)
        self.velocity = np.zeros(size)

    def step(self, weights: FloatArray, gradient: FloatArray, learning_rate: float) -> None:
        """Change ``weights`` in place."""
        self.velocity *= self.beta
        self.velocity += gradient
        weights -= learning_rate * self.velocity


class SignSgd(_Stateful):
    """ZO-signSGD: w <- w - rate sign(g).

    Parameters
    ----------
    size : :class:`int`
        Number of weights d.

    Source: Liu et al. 2019, "signSGD via zeroth-order oracle".
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def step(self, weights: FloatArray, gradient: FloatArray, learning_rate: float) -> None:
        """Change ``weights`` in place."""
        weights -= learning_rate * np.sign(gradient)


class SignMomentum(_Stateful):
    """Step by the sign of an averaged gradient: m <- beta m + (1 - beta) g; w <- w - rate sign(m).

    Parameters
    ----------
    size : :class:`int`
        Number of weights d.
    beta : :class:`float`
        0 (included) to 1 (excluded); 0 is :class:`SignSgd`.

    Source: Bernstein et al. 2018, "signSGD" (there: Signum).
    """

    _names = ("mean",)

    def __init__(self, size: int, beta: float = 0.9) -> None:
        self.beta = _decay("beta", beta)
        self.mean = np.zeros(size)

    def step(self, weights: FloatArray, gradient: FloatArray, learning_rate: float) -> None:
        """Change ``weights`` in place."""
        self.mean *= self.beta
        self.mean += (1.0 - self.beta) * gradient
        weights -= learning_rate * np.sign(self.mean)


class Adam(_Stateful):
    """Adam: steps scaled by running moments of the gradient, both corrected for their zero start.

    m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    w <- w - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Parameters
    ----------
    size : :class:`int`
        Number of weights d.
    beta1, beta2 : :class:`float`
        0 (included) to 1 (excluded).
    epsilon : :class:`float`
        Above 0.

    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """

    _names = ("mean", "square", "powers")

    def __init__(
        self, size: int, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.beta1 = _decay("beta1", beta1)
        self.beta2 = _decay("beta2", beta2)
        if not 0 < epsilon < float("inf"):
            raise UserError(f"epsilon of adam must be above 0 and finite, not {epsilon!r}")
        self.epsilon = epsilon
        self.mean = np.zeros(size)
        self.square = np.zeros(size)
        self.powers = np.ones(2)
        """beta1^t and beta2^t."""

    def step(self, weights: FloatArray, gradient: FloatArray, learning_rate: float) -> None:
        """Change ``weights`` in place."""
        self.powers *= (self.beta1, self.beta2)
        self.mean *= self.beta1
        self.mean += (1.0 - self.beta1) * gradient
        self.square *= self.beta2
        self.square += (1.0 - self.beta2) * (gradient * gradient)
        scale = self.square / (1.0 - self.powers[1])
        np.sqrt(scale, out=scale)
        scale += self.epsilon
        update = self.mean / (1.0 - self.powers[0])
        update /= scale
        update *= learning_rate
        weights -= update


def _decay(name: str, value: float) -> float:
    """Return a decay rate, or raise :class:`UserError` if it is out of range."""
    if not 0 <= value < 1:
        raise UserError(f"{name} must be at least 0 and below 1, not {value!r}")
    return value


OPTIMISERS: dict[str, Callable[..., Optimiser]] = {
    "adam": Adam,
    "momentum": Momentum,
    "sgd": Sgd,
    "sign-momentum": SignMomentum,
    "sign-sgd": SignSgd,
}
"""Optimisers by the name that a configuration uses."""


def make_optimiser(name: str, size: int, **options: Any) -> Optimiser:
    """Return an optimiser by its name, for ``size`` weights.

    Raises
    ------
    UserError
        If the name or an option is unknown, or a value out of range.
    """
    return build("optimiser", OPTIMISERS, name, {"size": size}, options)
