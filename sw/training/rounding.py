"""Stochastic rounding of weights to the values that a device holds."""

from __future__ import annotations

import numpy as np

from tenzo.sw.formats import Format
from tenzo.sw.numerics import FloatArray
from tenzo.sw.random_streams import uniform

_ROUNDING_STREAM = 1 << 34
"""Stream of step 0; subsets of coordinates use streams below it."""


def round_stochastically(weights: FloatArray, format_: Format, seed: int, step: int) -> None:
    """Round each weight down or up, in place, so that its mean is the weight: floor(w + u).

    A weight is rounded up with the probability of the part that is cut off; one that the format
    holds stays. So steps smaller than half a unit, which nearest rounding would lose on weights
    that are kept in the format, take effect on average.

    Parameters
    ----------
    weights : float64 array of shape (parameters,)
        Inside the format's range.
    format_ : :class:`Format`
    seed, step : :class:`int`
        All that the random numbers u, uniform from 0 to 1, depend on.

    Source: Gupta et al. 2015, "Deep learning with limited numerical precision"; for zeroth-order
    training, Zhou et al. 2025, "QuZO".
    """
    raw = weights * 2.0**format_.frac_bits
    raw += uniform(seed, _ROUNDING_STREAM + step, len(weights))
    np.floor(raw, out=raw)
    weights[...] = raw * format_.step
