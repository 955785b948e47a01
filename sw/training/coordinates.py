"""Outputs and losses of a device for many parameters, each changed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateLosses, CoordinateOutputs, Device
from tenzo.sw.link.coordinate_sweep import one_hot_outputs
from tenzo.sw.planning.delta import Coordinate, Deltas
from tenzo.sw.program import Program
from tenzo.sw.training.losses import CrossEntropy, Loss, check_labels

IntArray = npt.NDArray[np.int64]

deltas_of = lru_cache(maxsize=2)(Deltas)
"""What changes with each parameter of a program, derived once."""

MOST_OUTPUTS = 1 << 20
"""Outputs that a device which evaluates one-hot queries returns at a time."""


@runtime_checkable
class CoordinateDevice(Protocol):
    """A device that evaluates coordinates by itself, cheaper than by one-hot queries."""

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Yield the outputs for all coordinates, in order."""
        ...


@runtime_checkable
class CrossEntropyDevice(Protocol):
    """A device that may turn outputs of coordinates into cross-entropies while they are near."""

    def coordinate_cross_entropy(
        self,
        samples_raw: IntArray,
        coordinates: Sequence[Coordinate],
        frac_bits: int,
        labels: IntArray,
    ) -> Iterator[CoordinateLosses] | None:
        """Return the losses for all coordinates, in order, or None if it does not do so here."""
        ...


def coordinate_losses(
    device: Device,
    program: Program,
    loss: Loss,
    samples_raw: IntArray,
    targets: Any,
    coordinates: Sequence[Coordinate],
) -> Iterator[CoordinateLosses]:
    """Yield the losses for all coordinates, in order; every device gives the same bits.

    Parameters
    ----------
    device : :class:`Device`
        Holds ``program`` and its weights.
    program : :class:`Program`
    loss : :class:`Loss`
    samples_raw : int64 array of shape (samples, inputs)
    targets : labels or targets of the samples, or the points of a problem
    coordinates : sequence of :class:`Coordinate`
    """
    bits, losses = program.output_frac_bits, None
    if isinstance(loss, CrossEntropy) and isinstance(device, CrossEntropyDevice):
        check_labels(targets, len(samples_raw), program.output_count)
        losses = device.coordinate_cross_entropy(samples_raw, coordinates, bits, targets)
    if losses is not None:
        yield from losses
        return
    for first, outputs in coordinate_outputs(device, samples_raw, coordinates):
        yield CoordinateLosses(first, loss(outputs, bits, targets))


def coordinate_outputs(
    device: Device, samples_raw: IntArray, coordinates: Sequence[Coordinate]
) -> Iterator[CoordinateOutputs]:
    """Yield the outputs for all coordinates, in order.

    A :class:`CoordinateDevice` evaluates what changes; any other device one-hot queries.

    Parameters
    ----------
    device : :class:`Device`
        Holds a program and its weights.
    samples_raw : int64 array of shape (samples, inputs)
    coordinates : sequence of :class:`Coordinate`
    """
    if isinstance(device, CoordinateDevice):
        yield from device.evaluate_coordinates(samples_raw, coordinates)
        return
    together = max(1, MOST_OUTPUTS // max(1, len(samples_raw)))
    for first in range(0, len(coordinates), together):
        some = coordinates[first : first + together]
        yield CoordinateOutputs(first, one_hot_outputs(device, samples_raw, some))
