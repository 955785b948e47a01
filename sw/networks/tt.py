"""Tensor-train matrices in float64: initialisation, full matrix, decomposition, product.

A layer y = W x with input modes n_1 ... n_d, output modes m_1 ... m_d and ranks r_0 = 1 ... r_d = 1
has cores G_k of shape (r_{k-1}, n_k, m_k, r_k), and

    W[j_1 ... j_d, i_1 ... i_d] = G_1[0, i_1, j_1, :] G_2[:, i_2, j_2, :] ... G_d[:, i_d, j_d, 0]

with indices flattened in C order, the last mode fastest.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray, exp, log
from tenzo.sw.random_streams import standard_normal

Cores = list[FloatArray]


def check_modes(
    input_modes: Sequence[int], output_modes: Sequence[int], ranks: Sequence[int]
) -> None:
    """Raise :class:`UserError` unless modes and ranks belong together."""
    if not input_modes or len(input_modes) != len(output_modes):
        raise UserError(
            f"input and output modes must be equally many, at least one, not {list(input_modes)} "
            f"and {list(output_modes)}"
        )
    if min(*input_modes, *output_modes) < 1:
        raise UserError(
            f"modes must be at least 1, not {list(input_modes)} and {list(output_modes)}"
        )
    if len(ranks) != len(input_modes) + 1 or min(ranks) < 1 or ranks[0] != 1 or ranks[-1] != 1:
        raise UserError(
            f"ranks must be {len(input_modes) + 1} positive integers, the first and the last 1, "
            f"not {list(ranks)}"
        )


def core_shapes(
    input_modes: Sequence[int], output_modes: Sequence[int], ranks: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """Return the shape (r_{k-1}, n_k, m_k, r_k) of each core."""
    check_modes(input_modes, output_modes, ranks)
    return list(zip(ranks[:-1], input_modes, output_modes, ranks[1:], strict=True))


def core_deviation(variance: float, ranks: Sequence[int]) -> float:
    """Return the standard deviation of core entries that gives W's entries a variance.

    An entry of W is a sum over prod(r_k) products of d core entries, so the deviation is
    (variance / prod(r_k))^(1/(2d)).

    Source: the initialisation in the public code of Zhao et al. 2023.
    """
    count = len(ranks) - 1
    return float(exp(log(variance / prod(ranks)) / (2 * count)))


def initial_cores(
    input_modes: Sequence[int],
    output_modes: Sequence[int],
    ranks: Sequence[int],
    variance: float,
    seed: int,
    stream: int,
) -> Cores:
    """Return normally distributed cores, the same bits on every machine.

    Parameters
    ----------
    input_modes, output_modes, ranks : sequence of :class:`int`
        d modes each and d + 1 ranks.
    variance : :class:`float`
        Wanted variance of W's entries, above 0: 2 / inputs before ReLU, 1 / inputs before a sine
        or after the last layer.
    seed, stream : :class:`int`
        Which random numbers, see :func:`tenzo.sw.random_streams.standard_normal`; core after core
        in C order.

    Returns
    -------
    :class:`list`
        d float64 arrays of shape (r_{k-1}, n_k, m_k, r_k).

    Raises
    ------
    UserError
        If modes and ranks do not belong together.
    """
    shapes = core_shapes(input_modes, output_modes, ranks)
    ends = np.cumsum([prod(shape) for shape in shapes])
    entries = standard_normal(seed, stream, int(ends[-1])) * core_deviation(variance, ranks)
    parts = np.split(entries, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def full_matrix(cores: Sequence[FloatArray]) -> FloatArray:
    """Return W, float64 (outputs, inputs), with outputs = prod(m_k) and inputs = prod(n_k)."""
    matrix: FloatArray = np.ones((1, 1, 1))  # (outputs, inputs, rank) of the cores so far
    for core in cores:
        _, inputs, outputs, rank = core.shape
        grown = np.einsum("oia,anmb->ominb", matrix, core)
        matrix = grown.reshape(matrix.shape[0] * outputs, matrix.shape[1] * inputs, rank)
    return matrix[:, :, 0]


def forward(cores: Sequence[FloatArray], x: FloatArray) -> FloatArray:
    """Return x W^T without forming W, last core first, one matrix product per core.

    Parameters
    ----------
    cores : sequence of :class:`numpy.ndarray`
        float64 of shape (r_{k-1}, n_k, m_k, r_k).
    x : :class:`numpy.ndarray`
        float64, shape (samples, inputs).

    Returns
    -------
    :class:`numpy.ndarray`
        float64, shape (samples, outputs). Sums run in the order of the BLAS, so last bits may
        differ between machines; the golden model computes in integers instead.
    """
    samples = len(x)
    left, right = prod(core.shape[1] for core in cores), 1
    y = x
    for core in reversed(cores):
        before, inputs, outputs, after = core.shape
        left //= inputs
        weights = core.transpose(0, 2, 1, 3).reshape(before * outputs, inputs * after)
        y = weights @ y.reshape(samples, left, inputs * after, right)
        right *= outputs
    return y.reshape(samples, right)


def tt_svd(
    matrix: npt.ArrayLike,
    input_modes: Sequence[int],
    output_modes: Sequence[int],
    rank: int | Sequence[int],
) -> Cores:
    """Return cores whose matrix approximates a dense one, by repeated singular value decomposition.

    The error in the Frobenius norm is at most sqrt(d - 1) times that of the best approximation of
    these ranks, and zero but for rounding if the ranks suffice.

    Parameters
    ----------
    matrix : array_like
        float64, shape (outputs, inputs).
    input_modes, output_modes : sequence of :class:`int`
        d modes each; their products are inputs and outputs.
    rank : :class:`int` or sequence of :class:`int`
        Largest rank, or the d + 1 ranks that the cores shall have: cores are then filled up with
        zeros where the matrix needs less.

    Returns
    -------
    :class:`list`
        d float64 arrays of shape (r_{k-1}, n_k, m_k, r_k), scaled by :func:`balanced`. The
        decomposition is LAPACK's, so last bits may differ between machines.

    Raises
    ------
    UserError
        If modes, ranks and matrix do not fit, or the matrix is not finite.

    Source: Oseledets 2011, "Tensor-train decomposition", algorithm 1.
    """
    count = len(input_modes)
    ranks = [1, *[rank] * (count - 1), 1] if isinstance(rank, int) else list(rank)
    rest = _paired(matrix, input_modes, output_modes, ranks)
    cores: Cores = []
    before = 1
    for inputs, outputs, limit in zip(input_modes[:-1], output_modes[:-1], ranks[1:], strict=False):
        left, values, right = np.linalg.svd(
            rest.reshape(before * inputs * outputs, -1), full_matrices=False
        )
        kept = min(limit, len(values))
        cores.append(left[:, :kept].reshape(before, inputs, outputs, kept))
        rest = values[:kept, None] * right[:kept]
        before = kept
    cores.append(rest.reshape(before, input_modes[-1], output_modes[-1], 1))
    cores = balanced(cores)
    return cores if isinstance(rank, int) else _filled(cores, ranks)


def _paired(
    matrix: npt.ArrayLike,
    input_modes: Sequence[int],
    output_modes: Sequence[int],
    ranks: Sequence[int],
) -> FloatArray:
    """Return a matrix as a tensor of axes n_1, m_1, ..., n_d, m_d, after checking that all fits."""
    check_modes(input_modes, output_modes, ranks)
    tensor = np.asarray(matrix, dtype=np.float64)
    shape = (prod(output_modes), prod(input_modes))
    if tensor.shape != shape:
        raise UserError(
            f"matrix must have the shape (outputs, inputs) = {shape} of its modes, "
            f"not {tensor.shape}"
        )
    if not np.isfinite(tensor).all():
        raise UserError("matrix must hold finite numbers, not NaN or infinity")
    count = len(input_modes)
    axes = [axis for k in range(count) for axis in (count + k, k)]
    return tensor.reshape(*output_modes, *input_modes).transpose(axes)


def balanced(cores: Sequence[FloatArray]) -> Cores:
    """Return cores of the same product whose largest magnitudes are equal.

    No other scaling of whole cores has a smaller largest entry, so these fit a fixed-point format
    best. Cores of a zero matrix come back unchanged.
    """
    peaks = [float(np.abs(core).max()) for core in cores]
    if min(peaks) == 0:
        return list(cores)
    mean = float(exp(sum(float(log(peak)) for peak in peaks) / len(peaks)))
    return [core * (mean / peak) for core, peak in zip(cores, peaks, strict=True)]


def _filled(cores: Sequence[FloatArray], ranks: Sequence[int]) -> Cores:
    """Return cores with zeros added up to the wanted ranks."""
    filled = []
    for core, before, after in zip(cores, ranks[:-1], ranks[1:], strict=True):
        extra = ((0, before - core.shape[0]), (0, 0), (0, 0), (0, after - core.shape[3]))
        filled.append(np.pad(core, extra))
    return filled
