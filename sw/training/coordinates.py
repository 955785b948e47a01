"""Outputs of a device for many parameters, each changed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Device, Query
from tenzo.sw.golden.coordinates import CoordinateOutputs
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.planning.delta import Coordinate, Deltas

IntArray = npt.NDArray[np.int64]

deltas_of = lru_cache(maxsize=2)(Deltas)
"""What changes with each parameter of a program, derived once."""

MOST_OUTPUTS = 1 << 20
"""Outputs that a device which evaluates one-hot queries returns at a time."""


def coordinate_outputs(
    device: Device, samples_raw: IntArray, coordinates: Sequence[Coordinate]
) -> Iterator[CoordinateOutputs]:
    """Yield the outputs for all coordinates, in order.

    The golden device evaluates only what changes; any other device evaluates one-hot queries.

    Parameters
    ----------
    device : :class:`Device`
        Holds a program and its weights.
    samples_raw : int64 array of shape (samples, inputs)
    coordinates : sequence of :class:`Coordinate`
    """
    if isinstance(device, GoldenDevice):
        yield from device.evaluate_coordinates(samples_raw, coordinates)
        return
    together = max(1, MOST_OUTPUTS // max(1, len(samples_raw)))
    for first in range(0, len(coordinates), together):
        some = coordinates[first : first + together]
        queries = [Query.one_hot(*coordinate) for coordinate in some]
        blocks: list[list[IntArray]] = [[] for _ in queries]
        for item in device.evaluate(samples_raw, queries):
            blocks[item.query].append(item.outputs_raw)
        yield CoordinateOutputs(first, np.stack([np.concatenate(block) for block in blocks]))
