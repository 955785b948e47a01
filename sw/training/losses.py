"""Losses and scores: float64 functions of raw integer outputs, the same bits everywhere.

Sums run in the fixed order of :func:`tenzo.sw.numerics.fixed_sum`, so neither the CPU nor the way
in which a device hands back its outputs changes a bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.entry_points import load_entry_point
from tenzo.sw.configuration.problem_table import RESIDUAL
from tenzo.sw.errors import CODE_ERRORS, InfiniteLossError, UserError, code_error
from tenzo.sw.kernels.losses import native_losses
from tenzo.sw.numerics import FloatArray, exp, fixed_sum, log

LossFunction = Callable[[FloatArray, npt.NDArray[Any]], npt.ArrayLike]
"""A user's loss: outputs float64 (samples, outputs), targets -> losses (samples,)."""


class Loss(Protocol):
    """Maps outputs of several queries on one minibatch to losses, of which each has a mean."""

    @property
    def name(self) -> str:
        """Name as in a configuration."""
        ...

    def __call__(self, outputs_raw: npt.NDArray[Any], frac_bits: int, targets: Any) -> FloatArray:
        """Return the losses.

        Parameters
        ----------
        outputs_raw : :class:`numpy.ndarray`
            Integers as int64 or float64, shape (queries, samples, outputs); one unit is
            ``2**-frac_bits``.
        frac_bits : :class:`int`
            Fractional bits of the outputs.
        targets
            Labels int64 (samples,), or float64 (samples, outputs), or the points of a problem.

        Returns
        -------
        :class:`numpy.ndarray`
            float64, shape (queries, samples), or (queries, 1) for a problem.
        """
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the softmax: log sum_j exp(o_j) - o_label.

    The largest output is subtracted first, which is exact; nothing overflows. The error is below
    1e-14 times the larger of 1 and the loss, for up to 1,000 outputs. Targets are
    labels from 0 to ``outputs - 1``. Compiled where the kernels are built.
    """

    name: str = "cross-entropy"

    def __call__(
        self, outputs_raw: npt.NDArray[Any], frac_bits: int, targets: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the losses, see :class:`Loss`; :class:`UserError` if targets are no labels."""
        samples, outputs = outputs_raw.shape[1:]
        check_labels(targets, samples, outputs)
        native = native_losses()
        if native is None or outputs_raw.dtype != np.int64 or not outputs:
            return cross_entropy(outputs_raw, frac_bits, targets)
        return native.cross_entropy(outputs_raw, frac_bits, targets)


def cross_entropy(
    outputs_raw: npt.NDArray[Any], frac_bits: int, labels: npt.NDArray[Any]
) -> FloatArray:
    """Return what :class:`CrossEntropy` returns, in NumPy: its definition."""
    # Outputs first: every operation below then runs over long contiguous rows.
    logits = np.ascontiguousarray(np.moveaxis(outputs_raw, 2, 0), dtype=np.float64)
    logits -= logits.max(axis=0)
    logits *= 2.0**-frac_bits
    chosen = logits.transpose(1, 0, 2)[:, labels, np.arange(len(labels))]
    return log(fixed_sum(exp(logits), 0)) - chosen


@dataclass(frozen=True)
class MeanSquaredError:
    """Mean over the outputs of (o_j - t_j)^2. Targets are float64 of shape (samples, outputs)."""

    name: str = "mean-squared-error"

    def __call__(
        self, outputs_raw: npt.NDArray[Any], frac_bits: int, targets: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the losses, see :class:`Loss`; :class:`UserError` if shapes differ."""
        check_targets(targets, outputs_raw.shape[1:])
        difference = outputs_raw * 2.0**-frac_bits
        difference -= targets
        difference *= difference
        return fixed_sum(difference, 2) / outputs_raw.shape[2]


@dataclass(frozen=True)
class UserLoss:
    """A user's function as a loss.

    Parameters
    ----------
    name : :class:`str`
        What messages call it, ``module:function``.
    function
        Called once per query with outputs, float64 (samples, outputs) in true units, and the
        targets; returns one float per sample. For runs that repeat bit for bit it should use
        :mod:`tenzo.sw.numerics` for exp, log and sums.
    """

    name: str
    function: LossFunction

    def __call__(
        self, outputs_raw: npt.NDArray[Any], frac_bits: int, targets: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the losses, see :class:`Loss`; :class:`UserError` if they are no good."""
        outputs = outputs_raw * 2.0**-frac_bits
        return np.stack([self._losses(block, targets) for block in outputs])

    def _losses(self, outputs: FloatArray, targets: npt.NDArray[Any]) -> FloatArray:
        try:
            losses = np.asarray(self.function(outputs, targets), dtype=np.float64)
        except CODE_ERRORS as error:
            raise UserError(f"loss {self.name!r} failed, mend it: {code_error(error)}") from error
        if losses.shape != outputs.shape[:1]:
            raise UserError(
                f"loss {self.name!r} must return one float per sample, shape {outputs.shape[:1]}, "
                f"not {losses.shape}"
            )
        if not np.isfinite(losses).all():
            raise InfiniteLossError(
                f"loss {self.name!r} must return finite numbers; it returned NaN or inf"
            )
        return losses


@dataclass(frozen=True)
class Residual:
    """Loss of a problem; targets are the points of a step, which know what outputs tell."""

    name: str = RESIDUAL

    def __call__(self, outputs_raw: npt.NDArray[Any], frac_bits: int, targets: Any) -> FloatArray:
        """Return one loss per query, (queries, 1), see :class:`Loss`."""
        losses: FloatArray = targets.losses(outputs_raw, frac_bits)
        return losses[:, None]


LOSSES: dict[str, Callable[[], Loss]] = {
    "cross-entropy": CrossEntropy,
    "mean-squared-error": MeanSquaredError,
    RESIDUAL: Residual,
}
"""Losses by the name that a configuration uses."""


def make_loss(name: str) -> Loss:
    """Return a loss by its name, or a user's from ``module:function``.

    Raises
    ------
    UserError
        If the name is unknown, or the function cannot be found.
    """
    if name in LOSSES:
        return LOSSES[name]()
    if ":" in name:
        return UserLoss(name, load_entry_point(name, "loss"))
    known = ", ".join(sorted(LOSSES))
    raise UserError(f"loss must be one of {known}, or module:function, not {name!r}")


def check_labels(labels: npt.NDArray[Any], samples: int, outputs: int) -> None:
    """Raise :class:`UserError` unless labels are integers (samples,) from 0 to outputs - 1."""
    if labels.shape != (samples,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"labels must be {samples} integers, not {labels.dtype} of shape {labels.shape}; "
            "for float targets use the loss mean-squared-error"
        )
    if samples and not (labels.min() >= 0 and labels.max() < outputs):
        raise UserError(
            f"labels must be 0 to {outputs - 1} for {outputs} outputs, not "
            f"{labels.min()} to {labels.max()}"
        )


def check_targets(targets: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise :class:`UserError` unless targets are floats of this shape."""
    if targets.shape != shape or targets.dtype.kind != "f":
        raise UserError(
            f"targets must be floats of shape {shape}, not {targets.dtype} of shape "
            f"{targets.shape}; for labels use the loss cross-entropy"
        )


def predictions(outputs_raw: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the index of the largest output, the lowest of equals; int64, last axis dropped."""
    return outputs_raw.argmax(axis=-1)


def accuracy(outputs_raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """Return the share of samples whose largest output is their label, 0.0 to 1.0."""
    return int(np.count_nonzero(predictions(outputs_raw) == labels)) / len(labels)


def confusion_matrix(
    outputs_raw: npt.NDArray[Any], labels: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Return counts, int64 (outputs, outputs): row = label, column = prediction."""
    outputs = outputs_raw.shape[-1]
    flat = np.bincount(labels * outputs + predictions(outputs_raw), minlength=outputs * outputs)
    return flat.reshape(outputs, outputs)


def relative_l2(outputs_raw: npt.NDArray[Any], frac_bits: int, targets: FloatArray) -> float:
    """Return the norm of the error over that of the targets; :class:`UserError` if those are 0."""
    check_targets(targets, outputs_raw.shape)
    return relative_norm(outputs_raw * 2.0**-frac_bits - targets, targets)


def relative_norm(difference: FloatArray, targets: FloatArray) -> float:
    """Return the norm of a difference over that of the targets; as :func:`relative_l2`."""
    norm = float(fixed_sum((targets * targets).ravel()))
    if norm == 0:
        raise UserError("relative L2 error needs targets that are not all zero")
    return float(np.sqrt(fixed_sum((difference * difference).ravel()) / norm))
