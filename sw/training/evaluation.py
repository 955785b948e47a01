"""Scores of a trained network on one split, by the device that computes its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.data.samples import Split
from tenzo.sw.device import Device, Query
from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.program import Program
from tenzo.sw.training import losses
from tenzo.sw.training.losses import Loss

_CHUNK = 256
"""Samples given to a device at a time, so that a signal is seen in between."""


@dataclass(frozen=True)
class Evaluation:
    """Result on one split; ``accuracy`` and ``confusion`` for labels, ``relative_l2`` for targets.

    ``confusion`` counts samples, row = label, column = prediction. For a problem, ``zero_network``
    and ``best_constant`` are the relative L2 errors of networks whose outputs are zero and the best
    constant.
    """

    loss: float
    accuracy: float | None = None
    relative_l2: float | None = None
    confusion: npt.NDArray[np.int64] | None = None
    zero_network: float | None = None
    best_constant: float | None = None

    @property
    def scores(self) -> dict[str, float]:
        """The accuracy or the relative L2 error, by its name."""
        scores = {"accuracy": self.accuracy, "relative_l2": self.relative_l2}
        return {name: score for name, score in scores.items() if score is not None}

    def sentence(self, split: str) -> str:
        """Return the result in words, for example ``test accuracy: 95.3 %``."""
        sentence = score_sentence(split, self.accuracy, self.relative_l2)
        return sentence + peers_sentence(self.zero_network, self.best_constant)


def score_sentence(split: str, accuracy: float | None, relative_l2: float | None) -> str:
    """Return the score of a split in words."""
    if accuracy is not None:
        return f"{split} accuracy: {100 * accuracy:.1f} %"
    return f"{split} relative L2 error: {relative_l2:.3e}"


def peers_sentence(zero_network: float | None, best_constant: float | None) -> str:
    """Return what a problem's score is to be compared with, in words; nothing for data."""
    if zero_network is None or best_constant is None:
        return ""
    return f" (zero network: {zero_network:.3e}, best constant output: {best_constant:.3e})"


def compute_outputs(
    device: Device,
    program: Program,
    samples_raw: npt.NDArray[Any],
    between: Callable[[], None] = lambda: None,
) -> npt.NDArray[Any]:
    """Run the unperturbed network on samples.

    Parameters
    ----------
    device : :class:`Device`
        Holds the program and the weights.
    program : :class:`Program`
    samples_raw : integers of shape (samples, inputs), raw activations
    between
        Called before each part of the work; may raise to stop it.

    Returns
    -------
    int64 array of shape (samples, outputs), float64 from a device that computes in floating point,
    with the program's ``output_frac_bits``.
    """
    parts = [np.empty((0, program.output_count), np.int64)]
    for first in range(0, len(samples_raw), _CHUNK):
        between()
        chunk = samples_raw[first : first + _CHUNK].astype(np.int64)
        parts.append(gather_outputs(device, program, chunk, [Query()])[0])
    return np.concatenate(parts[1:] or parts)


def gather_outputs(
    device: Device, program: Program, samples_raw: npt.NDArray[np.int64], queries: Sequence[Query]
) -> npt.NDArray[Any]:
    """Run queries on samples; return outputs of shape (queries, samples, outputs).

    They have the type that the device returns: int64, or float64.

    Raises
    ------
    RuntimeError
        If the device returned nothing for a query and a sample.
    """
    shape = (len(queries), len(samples_raw))
    outputs: npt.NDArray[Any] = np.empty((*shape, program.output_count), np.int64)
    found = np.zeros(shape, np.bool_)
    for item in device.evaluate(samples_raw, queries):
        if item.outputs_raw.dtype.kind != outputs.dtype.kind:
            outputs = outputs.astype(item.outputs_raw.dtype)
        stop = item.first_sample + len(item.outputs_raw)
        outputs[item.query, item.first_sample : stop] = item.outputs_raw
        found[item.query, item.first_sample : stop] = True
    if not found.all():
        query, sample = np.argwhere(~found)[0]
        raise RuntimeError(
            f"{device.name} returned {np.count_nonzero(found)} of {found.size} outputs: the first "
            f"that is missing is of query {query}, sample {sample}"
        )
    return outputs


def evaluate(
    device: Device,
    program: Program,
    split: Split,
    loss: Loss,
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Score the network that a device holds on one split; parameters as :func:`compute_outputs`.

    The loss of a problem is the mean squared error of its solution.
    """
    outputs = compute_outputs(device, program, split.samples_raw, between)
    frac_bits = program.output_frac_bits
    if split.solution is not None:
        values = outputs.astype(np.float64) * 2.0**-frac_bits
        return evaluate_solution(values, split.targets, split.solution)
    each = loss(outputs[None], frac_bits, split.targets)[0]
    mean = float(fixed_sum(each)) / len(each)
    if split.targets.ndim == 1:
        share = losses.accuracy(outputs, split.targets)
        return Evaluation(
            mean, accuracy=share, confusion=losses.confusion_matrix(outputs, split.targets)
        )
    return Evaluation(mean, relative_l2=losses.relative_l2(outputs, frac_bits, split.targets))


def evaluate_solution(
    outputs: FloatArray, exact: FloatArray, solution: Callable[[FloatArray], FloatArray]
) -> Evaluation:
    """Compare a problem's solution, and those of constant outputs, with the exact one."""
    difference = (solution(outputs) - exact).ravel()
    zero = (solution(np.zeros_like(outputs)) - exact).ravel()
    slope = (solution(np.ones_like(outputs)) - exact).ravel() - zero
    constant = -float(fixed_sum(zero * slope)) / (float(fixed_sum(slope * slope)) or 1.0)
    best = (solution(np.full_like(outputs, constant)) - exact).ravel()
    mean = float(fixed_sum(difference * difference)) / len(difference)
    return Evaluation(
        mean,
        relative_l2=losses.relative_norm(difference, exact),
        zero_network=losses.relative_norm(zero, exact),
        best_constant=losses.relative_norm(best, exact),
    )
