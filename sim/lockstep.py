"""Training in lockstep: two devices run the same steps, and every number is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sim.comparison import (
    COMPARED_COUNTERS,
    OutputDifference,
    counter_differences,
    first_difference,
)
from tenzo.sim.parameter_readback import read_parameters
from tenzo.sim.recorder import Evaluation, Recorder
from tenzo.sim.stage_search import find_stage
from tenzo.sim.verdict import Difference, Verdict
from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import Samples
from tenzo.sw.device import Counters, Device, Distribution, Query
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.program import Program
from tenzo.sw.training.trainer import Trainer

_EXCESS_BITS = 4
"""Bits by which values are too large where saturation is wanted."""


class Lockstep:
    """Two trainers with the same configuration and data, one on each device.

    Neither sees the other's numbers: they stay equal only as long as the devices agree.

    Parameters
    ----------
    config : :class:`Config`
    samples : :class:`Samples`
    golden, other : :class:`Device`
        Their engines are equal.
    saturating : :class:`bool`
        Shift every intermediate sum by too few bits, so that values saturate.
    """

    def __init__(
        self,
        config: Config,
        samples: Samples,
        golden: Device,
        other: Device,
        saturating: bool = False,
    ) -> None:
        self.saturating = saturating
        alter = with_short_shifts if saturating else None
        self.recorders = Recorder(golden, alter), Recorder(other, alter)
        self.trainers = [Trainer(config, recorder, samples) for recorder in self.recorders]
        self.verdict = Verdict()
        self._last_query = Query()

    def run(
        self,
        steps: int,
        report: Callable[[Verdict], None] = lambda _: None,
        trained: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> Verdict:
        """Run steps until one differs, then read the parameters back; ``report`` after each.

        The weights are the initial ones, or those of the checkpoint ``trained``. Step 0 is what a
        trainer evaluates before its first step.
        """
        verdict = self.verdict
        for trainer in self.trainers:
            trainer.start(trained)
        verdict.difference = self._compare_outputs(0)
        while verdict.passed and verdict.steps < steps:
            verdict.difference = self._step(verdict.steps + 1)
            verdict.steps += 1
            report(verdict)
        if verdict.passed:
            self._check_stimulus()
            verdict.difference = self._read_back(steps)
        return verdict

    def _check_stimulus(self) -> None:
        """Raise if values were to saturate and none did."""
        if self.saturating and not self.recorders[0].read_counters().saturations.any():
            raise RuntimeError("the stimulus must saturate, but no value did")

    def _step(self, step: int) -> Difference | None:
        """Run one step on both and compare outputs, counters and weights."""
        for trainer in self.trainers:
            trainer.run_step()
        found = self._compare_outputs(step)
        if found:
            return found
        counters = [recorder.read_counters() for recorder in self.recorders]
        self._count_cycles(counters[1])
        self.verdict.counters += len(COMPARED_COUNTERS) - 1 + len(counters[0].saturations)
        return self._compare_counters(step, *counters) or self._compare_weights(step)

    def _count_cycles(self, counters: Counters) -> None:
        """Take over the cycles of the engine, those of coordinates included."""
        device, verdict = self.recorders[1].device, self.verdict
        verdict.run_cycles, verdict.mac_cycles = counters.run_cycles, counters.mac_cycles
        if isinstance(device, PacketDevice):
            verdict.run_cycles += device.coordinate_counters.run_cycles
            verdict.mac_cycles += device.coordinate_counters.mac_cycles

    def _compare_outputs(self, step: int) -> Difference | None:
        """Compare the outputs of all evaluations of a step; queries are numbered through."""
        golden, other = (recorder.evaluations for recorder in self.recorders)
        first_query = 0
        for expected, actual in zip(golden, other, strict=True):
            self.verdict.queries += len(expected.queries)
            self.verdict.outputs += expected.outputs_raw.size
            found = first_difference(expected.outputs_raw, actual.outputs_raw)
            if found:
                return self._locate(step, first_query, expected, found)
            first_query += len(expected.queries)
        self._last_query = golden[-1].queries[-1]
        golden.clear()
        other.clear()
        return None

    def _locate(
        self, step: int, first_query: int, evaluation: Evaluation, found: OutputDifference
    ) -> Difference:
        """Find the stage that computes a wrong value first."""
        golden, other = self.recorders
        lanes = golden.engine.lane_count
        first = found.sample // lanes * lanes
        stage = find_stage(
            golden.device,
            other.device,
            evaluation.program,
            evaluation.parameters_raw,
            evaluation.samples_raw[first : first + lanes],
            evaluation.queries[found.query],
        )
        query = first_query + found.query
        if stage is None:
            values = (found.address, found.sample, found.expected, found.actual)
            alone = "the whole network" if evaluation.sliced else "the query alone"
            note = f"{alone}, replayed, gives equal values in every stage"
            return Difference("output", step, query, None, "result", *values, note)
        memory = "result" if stage.to_results else "lane memory"
        place = (stage.stage, memory, stage.address, first + stage.sample)
        return Difference("output", step, query, *place, stage.expected, stage.actual)

    def _compare_counters(
        self, step: int, expected: Counters, actual: Counters
    ) -> Difference | None:
        """Return the first counter that differs."""
        different = np.flatnonzero(expected.saturations != actual.saturations)
        if len(different):
            stage = int(different[0])
            values = int(expected.saturations[stage]), int(actual.saturations[stage])
            return Difference(
                "counter", step, None, stage, "saturation counter", stage, None, *values
            )
        sentences = counter_differences(expected, actual)
        if not sentences:
            return None
        return Difference(
            "counter", step, None, None, "", None, None, None, None, "; ".join(sentences)
        )

    def _compare_weights(self, step: int) -> Difference | None:
        """Compare the optimisers' float64 weights, bit by bit."""
        golden, other = (trainer.weights for trainer in self.trainers)
        self.verdict.weights += golden.size
        different = np.flatnonzero(golden.view(np.int64) != other.view(np.int64))
        if not len(different):
            return None
        address = int(different[0])
        values = float(golden[address]), float(other[address])
        return Difference("weight", step, None, None, "weight", address, None, *values)

    def _read_back(self, step: int) -> Difference | None:
        """Compare the parameters that both engines work with, clean and perturbed."""
        parameters = self.trainers[0].weights_raw()
        program = self.recorders[0].program
        found = None
        for query in self._shown_queries():
            golden, other = (
                read_parameters(recorder.device, program, parameters, query)
                for recorder in self.recorders
            )
            self.verdict.weights += parameters.size
            different = np.flatnonzero(golden != other)
            if len(different):
                address = int(different[0])
                values = int(golden[address]), int(other[address])
                note = "read back from the engine" + (", perturbed" if query.sign else "")
                place = (step, None, None, "weight", address, None)
                found = Difference("weight", *place, *values, note)
                break
        for recorder in self.recorders:
            recorder.reload()
        return found

    def _shown_queries(self) -> list[Query]:
        """Return queries whose parameters are read back, one of them drawn at random."""
        queries = [Query(), self._last_query]
        if self._last_query.distribution == Distribution.ONE_HOT:
            queries.append(Query(sign=1, seed=1, epsilon_raw=1))
        return queries


def with_short_shifts(program: Program) -> Program:
    """Return a program whose intermediate values are too large for their format."""
    return program.with_stages(
        [
            stage if stage.to_results else replace(stage, shift=max(0, stage.shift - _EXCESS_BITS))
            for stage in program.stages
        ]
    )
