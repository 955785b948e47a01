"""Perturbed parameters: ``sat(w + sign * epsilon * u)``, u from the LFSR, in address order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def directions(query: Query, count: int, lfsr: LfsrParameters) -> IntArray:
    """Return the directions u of the ``count`` parameters that a query perturbs.

    Parameter i of the query's range draws the next ``bits`` bits of the stream of ``seed``:
    Rademacher 1 -> +1, 0 -> -1; uniform ``2 v + 1 - 2^bits`` with the first bit the most
    significant of v; binomial the sum of ``bits`` Rademacher bits. One-hot draws none: u is 1.

    Returns
    -------
    int64 array of shape (count,).
    """
    if query.distribution == Distribution.ONE_HOT:
        return np.ones(count, dtype=np.int64)
    stream = lfsr.stream(query.seed, count * query.bits).reshape(count, query.bits)
    signs = stream.astype(np.int64) * 2 - 1
    if query.distribution == Distribution.UNIFORM:
        return signs @ (1 << np.arange(query.bits - 1, -1, -1, dtype=np.int64))
    return signs.sum(axis=1)


def variance(distribution: Distribution, bits: int) -> float:
    """Return the variance sigma_u^2 of a direction: 1, (4^bits - 1) / 3 or bits.

    It is exact for independent fair bits, and the mean is zero. For one-hot, which is not random,
    it is the mean square of the one direction, 1.
    """
    if distribution == Distribution.UNIFORM:
        return (4**bits - 1) / 3
    return float(bits) if distribution == Distribution.BINOMIAL else 1.0


def kurtosis(distribution: Distribution, bits: int) -> float:
    """Return E u^4 / (E u^2)^2: 1 for Rademacher, 3 - 2 / bits for binomial.

    Uniform over 2^b odd integers: E u^4 = (4^b - 1)(3 4^b - 7) / 15, so it is
    (9 4^b - 21) / (5 (4^b - 1)), which tends to 9/5.
    """
    if distribution == Distribution.UNIFORM:
        return (9 * 4**bits - 21) / (5 * (4**bits - 1))
    return 3 - 2 / bits if distribution == Distribution.BINOMIAL else 1.0


def epsilon_raw(epsilon: float, weight: Format, distribution: Distribution, bits: int) -> int:
    """Return the raw perturbation scale whose RMS is closest to ``epsilon``.

    ``round(epsilon * 2^frac_bits / sigma_u)``, half up.

    Parameters
    ----------
    epsilon : :class:`float`
        RMS of the perturbation of a weight, in units of weights.

    Raises
    ------
    UserError
        If it rounds to zero, or one step leaves the weight format.
    """
    sigma = math.sqrt(variance(distribution, bits))
    unit = sigma * weight.step
    raw = math.floor(epsilon / unit + 0.5) if math.isfinite(epsilon) else -1
    if raw < 1:
        raise UserError(
            f"epsilon {epsilon!r} rounds to zero in weights of {weight}: "
            f"the smallest that works is {_round_up(unit / 2)}"
        )
    if raw > weight.max_raw:
        raise UserError(
            f"epsilon {epsilon!r} exceeds weights of {weight}: "
            f"the largest that works is {unit * weight.max_raw:.6g}"
        )
    return raw


def _round_up(value: float) -> float:
    """Round up to three significant digits: the number printed must work."""
    digits = 2 - math.floor(math.log10(value))
    return math.ceil(value * 10.0**digits) / 10.0**digits


def check_query(
    query: Query, program: Program, engine: EngineParameters
) -> tuple[int, int, int, int]:
    """Return ``query.resolve(program)``; :class:`UserError` if the engine would refuse it."""
    limits = query.resolve(program)
    engine.lfsr.check_seed(query.seed)
    if not 1 <= query.bits <= engine.max_bits:
        raise UserError(f"query bits must be 1 to {engine.max_bits}, not {query.bits!r}")
    if not 0 <= query.epsilon_raw <= engine.weight.max_raw:
        raise UserError(
            f"query epsilon_raw must be at most {engine.weight.max_raw}, not {query.epsilon_raw!r}"
        )
    return limits


def perturb(
    parameters_raw: IntArray, query: Query, program: Program, engine: EngineParameters
) -> tuple[IntArray, int]:
    """Return the parameters of a query, and how many of them saturated.

    Parameters
    ----------
    parameters_raw : int64 array of shape (parameter_count,)
        Master weights, then biases, in the weight format.

    Returns
    -------
    int64 array of the same shape, and a count. Hardware twin: ``tenzo.hw.perturbation``.
    """
    check_query(query, program, engine)
    weights, saturated = perturb_all(parameters_raw.astype(np.float64), [query], program, engine)
    return weights[0].astype(np.int64), int(saturated[0])


def perturb_all(
    parameters_raw: FloatArray,
    queries: Sequence[Query],
    program: Program,
    engine: EngineParameters,
) -> tuple[FloatArray, IntArray]:
    """Perturb for many queries at once, in float64, exactly.

    Every magnitude stays below 2^35, so float64 holds all sums.

    Returns
    -------
    Parameters of shape (queries, parameter_count), and saturations of shape (queries,), int64.
    """
    perturbed = np.empty((len(queries), len(parameters_raw)))
    perturbed[:] = parameters_raw
    streams: dict[tuple[int, Distribution, int, int], FloatArray] = {}
    for row, query in zip(perturbed, queries, strict=True):
        first, last, _, _ = query.resolve(program)
        if not query.sign or first == last:
            continue
        key = (query.seed, query.distribution, query.bits, last - first)
        if key not in streams:
            streams[key] = directions(query, last - first, engine.lfsr).astype(np.float64)
        row[first:last] += streams[key] * float(query.sign * query.epsilon_raw)
    low, high = engine.weight.min_raw, engine.weight.max_raw
    saturated = np.zeros(len(queries), dtype=np.int64)
    if perturbed.size and (perturbed.max() > high or perturbed.min() < low):
        saturated = np.count_nonzero((perturbed > high) | (perturbed < low), axis=1)
        np.clip(perturbed, low, high, out=perturbed)
    return perturbed, saturated
