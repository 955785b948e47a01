"""Black-Scholes equation of a European call option."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenzo.sw.numerics import FloatArray, exp, log, normal_distribution
from tenzo.sw.problems.field import Field, mean_square
from tenzo.sw.problems.problem import Problem

STRIKE = 100.0
HIGHEST = 200.0
"""Upper end of the price S of the stock."""

RATE = 0.05
VOLATILITY = 0.4
_CONDITION_WEIGHT = 10.0
_SHORTEST, _LOWEST = 1e-30, 1e-100
"""In place of no time left, and of a price of zero: the same values to 2e-16."""


class BlackScholes(Problem):
    """Solve V_t + (sigma^2 / 2) S^2 V_SS + r S V_S - r V = 0, S in [0, 200], t in [0, 1].

    Strike 100, r = 0.05, sigma = 0.4; V(S, 1) = max(S - 100, 0), V(0, t) = 0 and V(200, t) is the
    exact value. The network takes (s, t) with s = S / 200 and gives v = V / 100. The loss is the
    mean squared residual plus 10 times the mean squares of the three conditions.

    Source: Black and Scholes 1973; training as Zhao et al. 2023.
    """

    inputs = 2
    laplacian_axes = (0,)
    tolerated_noise = 0.15  # the exact v_ss is 3.3 in the root mean square
    sets: Mapping[str, float] = {"interior": 1.0, "terminal": 0.5, "lower": 0.25, "upper": 0.25}
    picture: Mapping[int, str] = {0: "price s = S / 200", 1: "time t"}

    def points(self, name: str, numbers: FloatArray) -> FloatArray:
        """Return points (s, t) of the rectangle, or of one of its sides."""
        points = numbers.copy()
        if name == "terminal":
            points[:, 1] = 1.0
        elif name in ("lower", "upper"):
            points[:, 0] = 1.0 if name == "upper" else 0.0
        return points

    def losses(self, fields: Mapping[str, Field]) -> FloatArray:
        """Return the residual's mean square plus the weighted ones of the conditions."""
        v = fields["interior"]
        s = v.points[:, 0]
        bend = (0.5 * VOLATILITY**2) * (s * s) * v.second(0)
        loss = mean_square(v.first(1) + bend + RATE * (s * v.first(0)) - RATE * v.value)
        for name in ("terminal", "lower", "upper"):
            side = fields[name]
            loss = loss + _CONDITION_WEIGHT * mean_square(side.value - self.exact(side.points))
        return loss

    def exact(self, points: FloatArray) -> FloatArray:
        """Return v = V / 100 by the formula of Black and Scholes."""
        price = HIGHEST * np.maximum(points[:, 0], _LOWEST)
        left = np.maximum(1.0 - points[:, 1], _SHORTEST)
        spread = VOLATILITY * np.sqrt(left)
        upper = (log(price / STRIKE) + (RATE + 0.5 * VOLATILITY**2) * left) / spread
        paid = STRIKE * exp(-RATE * left) * normal_distribution(upper - spread)
        return (price * normal_distribution(upper) - paid) / STRIKE
