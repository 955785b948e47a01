"""Minibatches: which samples belong to which step, from the step's number alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import Samples, Split
from tenzo.sw.derivatives.stencil import Derivatives
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.problems import collocation
from tenzo.sw.problems.collocation import Collocation
from tenzo.sw.problems.problem import Problem
from tenzo.sw.problems.samples import configured_problem
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


class Minibatch(NamedTuple):
    """Samples of a step, int64 (samples, inputs), and the targets that its loss takes."""

    samples_raw: npt.NDArray[np.int64]
    targets: Any


class Source(Protocol):
    """Where the samples of each step come from."""

    def minibatch(self, step: int) -> Minibatch:
        """Return what a step is trained on; it depends on the step's number alone."""
        ...

    def calibration(self, count: int) -> npt.NDArray[np.int64]:
        """Return samples that shifts are chosen on, at most ``count``."""
        ...


class DataSource:
    """Minibatches of a data set.

    Parameters
    ----------
    split : :class:`Split`
        Training data.
    batch, seed : :class:`int`
        As for :class:`Minibatches`.
    """

    def __init__(self, split: Split, batch: int, seed: int) -> None:
        self._split, self._minibatches = split, Minibatches(len(split), batch, seed)

    def minibatch(self, step: int) -> Minibatch:
        """Return the samples of a step."""
        chosen = self._minibatches(step)
        samples_raw = self._split.samples_raw[chosen].astype(np.int64)
        return Minibatch(samples_raw, self._split.targets[chosen])

    def calibration(self, count: int) -> npt.NDArray[np.int64]:
        """Return the first training samples."""
        return self._split.samples_raw[:count].astype(np.int64)


class PointSource:
    """Points of a problem with their stencils, fresh in every step.

    Parameters
    ----------
    problem : :class:`Problem`
    derivatives : :class:`Derivatives`
    activation : :class:`Format`
    batch : :class:`int`
        Points of a set of share 1.
    seed : :class:`int`
        Seed of the run.
    """

    def __init__(
        self,
        problem: Problem,
        derivatives: Derivatives,
        activation: Format,
        batch: int,
        seed: int,
    ) -> None:
        self._make = lambda step: Collocation(problem, derivatives, activation, batch, seed, step)

    def minibatch(self, step: int) -> Minibatch:
        """Return the nodes of a step; the targets are its :class:`Collocation`."""
        points = self._make(step)
        return Minibatch(points.samples_raw, points)

    def calibration(self, count: int) -> npt.NDArray[np.int64]:
        """Return nodes of the first step, evenly chosen."""
        samples_raw = self._make(0).samples_raw
        count = min(count, len(samples_raw))
        return samples_raw[np.arange(count) * len(samples_raw) // count]


def samples_per_step(config: Config) -> int:
    """Return how many samples each query of a step evaluates."""
    batch = config.training.batch
    if config.problem is None:
        return batch
    return collocation.samples_per_step(*configured_problem(config), batch)


def make_source(config: Config, samples: Samples) -> Source:
    """Return where a configuration's training samples come from."""
    training = config.training
    if config.problem is None:
        return DataSource(samples.train, training.batch, training.seed)
    problem, derivatives = configured_problem(config)
    format_ = config.activation_format()
    return PointSource(problem, derivatives, format_, training.batch, training.seed)
