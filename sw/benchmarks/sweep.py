"""``tenzo bench sweep``: all coordinates of a network, structured and each from scratch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from tenzo.sw.benchmarks.records import Record, compare
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Query
from tenzo.sw.devices import open_golden
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.training.objective import MinibatchObjective
from tenzo.sw.training.trainer import Trainer

EXPLANATION = """Losses of all parameters, each changed alone, of the preset `mnist-cge` on 128
samples, on all cores: `tenzo` is structured evaluation, `from-scratch` the same kernels on the
whole network for every parameter. Both give the same bits, which is checked first. Weights come
from 20 training steps, on synthetic samples where the data is not at hand. `from-scratch` adds up
16 parts that take about as long as a sweep each; parts and sweeps are the fastest of three."""
UNIT = "sweeps/s"

PRESET, BATCH, TRAINING_STEPS = "mnist-cge", 128, 20
PARTS = 16
_TAKES = 3

_LOG = logging.getLogger(__name__)


class Sweep(NamedTuple):
    """A minibatch, and what is changed of the weights."""

    objective: MinibatchObjective
    coordinates: list[Coordinate]

    def structured(self) -> FloatArray:
        """Return the losses of all coordinates from one base pass."""
        return self.objective.coordinate_losses(self.coordinates)

    def from_scratch(self, part: slice = slice(None)) -> FloatArray:
        """Return the losses of some coordinates, the whole network for each."""
        queries = [Query.one_hot(*coordinate) for coordinate in self.coordinates[part]]
        return self.objective.losses(queries)


def run(repetitions: int) -> list[Record]:
    """Measure both; :class:`RuntimeError` if they differ in a bit."""
    sweep = _make()
    _LOG.info("sweep, %s: comparing all losses", PRESET)
    if not np.array_equal(sweep.structured(), sweep.from_scratch()):
        raise RuntimeError(f"the sweep of {PRESET} computes other bits than whole networks")
    contenders: dict[str, Callable[[], float]] = {
        "tenzo": lambda: 1 / _seconds(sweep.structured),
        "from-scratch": lambda: 1 / _in_parts(sweep),
    }
    try:
        return compare("sweep", PRESET, UNIT, contenders, repetitions)
    finally:
        sweep.objective.device.close()


def _make() -> Sweep:
    """Return the sweep of some trained weights."""
    config = load_config(PRESET, (f"training.batch={BATCH}",))
    samples = load_samples(config, made_up=True)
    trainer = Trainer(config, open_golden(config.engine()), samples)
    trainer.start()
    for _ in range(TRAINING_STEPS):
        trainer.run_step()
    trainer.device.write_parameters(trainer.weights_raw())
    split, program = samples.train, trainer.plan.program
    objective = MinibatchObjective(
        trainer.device,
        program,
        trainer.loss,
        split.samples_raw[:BATCH].astype(np.int64),
        split.targets[:BATCH],
    )
    step = round(config.training.epsilon / config.engine().weight.step)
    return Sweep(objective, [Coordinate(i, step) for i in range(program.parameter_count)])


def _in_parts(sweep: Sweep) -> float:
    """Return how long all coordinates take from scratch."""
    size = -(-len(sweep.coordinates) // PARTS)
    parts = [slice(first, first + size) for first in range(0, len(sweep.coordinates), size)]
    return sum(_seconds(partial(sweep.from_scratch, part)) for part in parts)


def _seconds(action: Callable[[], FloatArray]) -> float:
    """Return how long an action takes, the least of some takes."""
    times = []
    for _ in range(_TAKES):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)
