"""``tenzo bench engine``: how many of an engine's cycles multiply, planned and measured."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenzo.sw.benchmarks.records import Record, summarise
from tenzo.sw.configuration.config import Config, load_config, preset_names
from tenzo.sw.data.samples import Samples, load_samples
from tenzo.sw.device import Counters, Device
from tenzo.sw.devices import open_device
from tenzo.sw.errors import UserError
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.training.estimators import RandomGradient
from tenzo.sw.training.trainer import Trainer

EXPLANATION = """Cycles of one run of a program, that is of one query on one wave, and the share in
which every lane multiplies: as planned, and as counted by the Verilated engine, which must agree.
The waits are shares of the run cycles of two queries on two waves: for the perturbation of
the first query, for samples, and for results that the host has not fetched."""
WAVES = 2
"""Waves of a measurement: the second is loaded while the first computes."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measurement:
    """What an engine counted over some runs of a program.

    Parameters
    ----------
    plan : :class:`Plan`
    runs : :class:`int`
        Queries times waves.
    counters : :class:`Counters`
    """

    plan: Plan
    runs: int
    counters: Counters

    def check(self) -> None:
        """Raise :class:`RuntimeError` unless the engine took the cycles that are planned."""
        counted = self.counters.run_cycles, self.counters.mac_cycles
        planned = self.plan.cycles * self.runs, self.plan.macs * self.runs
        if counted != planned:
            raise RuntimeError(f"engine counts (run, MAC) cycles {counted}, planned are {planned}")


def run(repetitions: int) -> list[Record]:
    """Measure one direction, both signs, on two full waves, for every preset on its lanes.

    Cycles are counted, not timed: every repetition must count the same. Waits are those of the
    whole measurement, a share of its run cycles.
    """
    records = []
    for name in sorted(preset_names(), key=_cost):
        config = _with_random_queries(load_config(name))
        measured: list[Measurement] = []
        try:
            measured = measure(config, "verilator", repetitions)
        except UserError as error:
            _LOG.warning("engine, %s: planned numbers only: %s", name, error)
        records += _records(name, config.engine().lane_count, planned(config), measured)
    return records


def _with_random_queries(config: Config) -> Config:
    """Return a configuration whose steps take one direction, whatever its estimator."""
    training = config.training.model_copy(
        update={"estimator": "rge", "queries": 1, "one_sided": False, "hybrid": None}
    )
    return config.model_copy(update={"training": training})


def planned(config: Config) -> Plan:
    """Return the plan of a configuration's network, before calibration."""
    return plan(config.network(), config.engine())


def measure(config: Config, device: str, repetitions: int) -> list[Measurement]:
    """Evaluate the queries of the first step on a device and return what it counts each time."""
    opened = open_device(device, config.engine())
    try:
        _LOG.info("engine, %s: %d times on %s", config.name, repetitions, opened.name)
        samples = load_samples(config, made_up=True)
        return [_measure_once(config, opened, samples) for _ in range(repetitions)]
    finally:
        opened.close()


def _measure_once(config: Config, device: Device, samples: Samples) -> Measurement:
    """Load everything anew and count."""
    trainer = Trainer(config, device, samples)
    trainer.calibrate()
    device.write_parameters(trainer.weights_raw())
    device.clear_counters()
    estimator = trainer.estimator
    assert isinstance(estimator, RandomGradient)
    queries = estimator.device_queries(0)
    known = samples.train.samples_raw.astype(np.int64)
    shape = WAVES * device.engine.lane_count, known.shape[1]  # a problem may have fewer points
    for _ in device.evaluate(np.resize(known, shape), queries):
        pass
    result = Measurement(trainer.plan, WAVES * len(queries), device.read_counters())
    result.check()
    return result


def _records(name: str, lanes: int, expected: Plan, measured: list[Measurement]) -> list[Record]:
    """Return the records of one preset."""
    case = f"{name}, {lanes} lanes"
    constants = {
        ("ideal", "cycles a run"): float(expected.macs),
        ("planned", "cycles a run"): float(expected.cycles),
        ("planned", "% MAC cycles"): 100 * expected.utilisation,
    }
    records = [
        summarise("engine", case, contender, unit, [value])
        for (contender, unit), value in constants.items()
    ]
    shares: dict[tuple[str, str], Callable[[Measurement], float]] = {
        ("measured", "cycles a run"): lambda m: m.counters.run_cycles / m.runs,
        ("measured", "% MAC cycles"): lambda m: 100 * m.counters.mac_cycles / m.counters.run_cycles,
        ("perturb_wait", "% of run"): lambda m: _share(m, m.counters.perturb_wait_cycles),
        ("load_wait", "% of run"): lambda m: _share(m, m.counters.load_wait_cycles),
        ("link_stall", "% of run"): lambda m: _share(m, m.counters.link_stall_cycles),
    }
    return records + [
        summarise("engine", case, contender, unit, [value(m) for m in measured])
        for (contender, unit), value in shares.items()
        if measured
    ]


def _share(measurement: Measurement, cycles: int) -> float:
    return 100 * cycles / measurement.counters.run_cycles


def _cost(name: str) -> int:
    return planned(load_config(name)).macs
