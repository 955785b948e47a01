"""Work cut into shares that devices compute independently of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenzo.sw.device import Query

SHARES_PER_DEVICE = 2
"""Shares cut for each device, so that a faster one can take more of them."""


@dataclass(frozen=True)
class Share:
    """Some queries on some samples.

    Parameters
    ----------
    samples : :class:`slice`
    queries : :class:`slice`
    """

    samples: slice
    queries: slice


def cut_queries(
    sample_count: int, queries: Sequence[Query], lane_count: int, devices: int
) -> list[Share]:
    """Cut the evaluation of queries on samples.

    Samples are cut at whole waves: then the shares together count what one device counts. Queries
    are cut too where there are fewer waves than devices, unless one builds on what others leave in
    the lanes.

    Parameters
    ----------
    sample_count : :class:`int`
    queries : sequence of :class:`Query`
    lane_count : :class:`int`
        Samples of a wave.
    devices : :class:`int`
        Devices to be kept busy.

    Returns
    -------
    list of :class:`Share`
        Samples outer, queries inner.
    """
    waves = -(-sample_count // lane_count)
    parts = 1
    if 0 < waves < devices and not any(query.entry for query in queries):
        parts = -(-devices // waves)
    return [
        Share(slice(lane_count * wave.start, min(lane_count * wave.stop, sample_count)), some)
        for wave in cut(waves, SHARES_PER_DEVICE * devices)
        for some in cut(len(queries), parts)
    ]


def cut(count: int, parts: int) -> list[slice]:
    """Cut a range into so many slices of nearly the same length; fewer if it is shorter."""
    parts = min(count, parts)
    return [slice(count * i // parts, count * (i + 1) // parts) for i in range(parts)]
