"""The mean loss on a minibatch, as a function of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Device, Query
from tenzo.sw.errors import InfiniteLossError
from tenzo.sw.numerics import FloatArray, fixed_sum
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.program import Program
from tenzo.sw.training.coordinates import coordinate_losses, deltas_of
from tenzo.sw.training.evaluation import gather_outputs
from tenzo.sw.training.losses import Loss
from tenzo.sw.training.saturation import SaturationMeter

IntArray = npt.NDArray[np.int64]

MOST_OUTPUTS = 1 << 17
"""Outputs, of all queries on a minibatch, that are in memory at once: a megabyte as int64."""


class MinibatchObjective:
    """The mean loss of a program on one minibatch, for each query.

    Losses are summed in a fixed order, whatever the waves in which a device returns outputs.

    Parameters
    ----------
    device : :class:`Device`
        Holds the program and the weights.
    program : :class:`Program`
    loss : :class:`Loss`
    samples_raw : int64 array of shape (samples, inputs)
    targets : labels or targets of the samples, or the points of a problem
    meter : :class:`SaturationMeter`, optional
        Counts what saturates in :meth:`losses`.
    """

    def __init__(
        self,
        device: Device,
        program: Program,
        loss: Loss,
        samples_raw: IntArray,
        targets: Any,
        meter: SaturationMeter | None = None,
    ) -> None:
        self._meter = meter
        self.device, self.program, self.loss = device, program, loss
        self.samples_raw, self.targets = samples_raw, targets

    def losses(self, queries: Sequence[Query]) -> FloatArray:
        """Return the mean loss of each query, float64 of shape (queries,).

        Raises
        ------
        InfiniteLossError
            If a sum of losses overflows.
        RuntimeError
            If the device leaves outputs out.
        """
        if self._meter is None:
            return self._losses(queries)
        with self._meter.counting(len(queries) * len(self.samples_raw)):
            return self._losses(queries)

    def coordinate_losses(self, coordinates: Sequence[Coordinate]) -> FloatArray:
        """Return the mean loss with one parameter changed, float64 of shape (coordinates,).

        Raises
        ------
        InfiniteLossError
            If a sum of losses overflows.
        """
        losses = np.empty(len(coordinates))
        for first, values in coordinate_losses(
            self.device, self.program, self.loss, self.samples_raw, self.targets, coordinates
        ):
            losses[first : first + len(values)] = self._means(values)
        return losses

    def move_to(self, weights_raw: IntArray) -> None:
        """Write other weights to the device, raw integers of shape (parameters,)."""
        self.device.write_parameters(weights_raw)

    def coordinate_passes(self, addresses: IntArray) -> float:
        """Return what evaluating each of these coordinates once costs, in passes per sample."""
        macs = deltas_of(self.program).macs_by_address[addresses]
        return int(macs.sum()) / self.program.macs

    def _losses(self, queries: Sequence[Query]) -> FloatArray:
        """Return the mean loss of each query."""
        losses = np.empty(len(queries))
        at_once = self._at_once(queries)
        for first in range(0, len(queries), at_once):
            some = slice(first, first + at_once)
            outputs = gather_outputs(self.device, self.program, self.samples_raw, queries[some])
            values = self.loss(outputs, self.program.output_frac_bits, self.targets)
            losses[some] = self._means(values)
        return losses

    def _means(self, losses: FloatArray) -> FloatArray:
        """Return the mean of each query's losses, summed in a fixed order; it must be finite."""
        with np.errstate(over="ignore"):
            sums = fixed_sum(losses, 1)
        if not np.isfinite(sums).all():
            wrong = float(sums[~np.isfinite(sums)][0])
            raise InfiniteLossError(
                f"loss {self.loss.name!r} must stay finite when summed over "
                f"{len(self.samples_raw)} samples, not {wrong}: take a smaller "
                "training.learning_rate, or scale the loss or its targets"
            )
        return sums / losses.shape[1]

    def _at_once(self, queries: Sequence[Query]) -> int:
        """Return the queries to evaluate together: all if some build on what others leave."""
        if any(query.entry for query in queries):
            return len(queries)
        return max(1, MOST_OUTPUTS // (len(self.samples_raw) * self.program.output_count))
