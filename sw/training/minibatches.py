"""Minibatches: which samples belong to which step, from the step's number alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError
from tenzo.sw.random_streams import permutation

_FIRST_STREAM = 1 << 32
"""Stream of epoch 0; initial weights use streams below it."""


class Minibatches:
    """Cuts an endless row of shuffled epochs into minibatches.

    Every sample is used once per epoch; a minibatch may begin in one epoch and end in the next.

    Parameters
    ----------
    sample_count : :class:`int`
        Samples n.
    batch : :class:`int`
        Samples of a minibatch, at most n.
    seed : :class:`int`
        Seed of the run.

    Raises
    ------
    UserError
        If a minibatch is larger than the data.
    """

    def __init__(self, sample_count: int, batch: int, seed: int) -> None:
        if not 1 <= batch <= sample_count:
            raise UserError(
                f"training.batch must be 1 to {sample_count}, the number of training samples, "
                f"not {batch!r}"
            )
        self.sample_count, self.batch = sample_count, batch
        self._epoch = lru_cache(maxsize=2)(
            lambda epoch: permutation(sample_count, seed, _FIRST_STREAM + epoch)
        )

    def __call__(self, step: int) -> npt.NDArray[np.int64]:
        """Return the samples of a step, int64 of shape (batch,)."""
        epoch, first = divmod(step * self.batch, self.sample_count)
        chosen = self._epoch(epoch)[first : first + self.batch]
        if len(chosen) < self.batch:
            rest = self._epoch(epoch + 1)[: self.batch - len(chosen)]
            chosen = np.concatenate([chosen, rest])
        return chosen
