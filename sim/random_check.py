"""Runs random cases on golden model and engine, compares them and counts what they exercised."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

from tenzo.sim.comparison import collect, counter_differences, first_difference
from tenzo.sim.random_cases import Case
from tenzo.sw.device import Counters, Device, Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.program import Activation
from tenzo.sw.timing import PREFETCH_CYCLES, read_after_write

SLICE_KINDS = ("slice rows", "slice left", "slice right", "slice then more", "slice last")

FACTS = (
    "saturation",
    "weight saturation",
    "K = 1",
    "K below S",
    "partial wave",
    "several waves",
    "split",
    "bias",
    "ReLU",
    "sine",
    "tanh",
    "four layers",
    "one-hot weight",
    "one-hot bias",
    "one-hot saturation",
    "patch after patch",
    "stream after patch",
    *SLICE_KINDS,
)
"""What drawn cases must show on every engine; fixed ones sweep every shift and every wait."""


class CaseChecker:
    """Compares devices on cases and remembers what occurred.

    Parameters
    ----------
    engine : EngineParameters
    expected, actual : Device
        Golden model and engine.
    """

    def __init__(self, engine: EngineParameters, expected: Device, actual: Device) -> None:
        self.engine, self.expected, self.actual = engine, expected, actual
        self.facts: Counter[str] = Counter()
        self.shifts: set[int] = set()
        self.waits: set[int] = set()
        self.networks = 0
        self.cycles = 0

    @property
    def longest_wait(self) -> int:
        """Longest wait that a pipeline hazard or a descriptor's loading can ask for."""
        return max(PREFETCH_CYCLES, read_after_write(self.engine))

    def check(self, case: Case) -> None:
        """Run a case on both; raise :class:`AssertionError` at the first difference."""
        for device in (self.expected, self.actual):
            device.load_program(case.program)
            device.write_parameters(case.parameters_raw)
            device.clear_counters()
        expected, actual = (
            collect(device, case.samples_raw, case.queries)
            for device in (self.expected, self.actual)
        )
        counters = [device.read_counters() for device in (self.expected, self.actual)]
        difference = first_difference(expected, actual)
        if difference:
            raise AssertionError(f"outputs differ: {difference}")
        problems = counter_differences(*counters)
        if problems:
            raise AssertionError("; ".join(problems))
        planned = self._planned_cycles(case)
        if counters[1].run_cycles != planned:
            raise AssertionError(f"run_cycles is {counters[1].run_cycles}, planned {planned}")
        self._remember(case, counters[1])

    def missing_facts(self) -> list[str]:
        """Return which of :data:`FACTS` have not occurred."""
        return [fact for fact in FACTS if not self.facts[fact] and self._possible(fact)]

    def missing_steps(self) -> list[str]:
        """Return which shifts and waits have not occurred."""
        missing = []
        for name, seen, limit in (
            ("shift", self.shifts, self.engine.max_shift),
            ("wait", self.waits, self.longest_wait),
        ):
            missing += [f"{name} {value}" for value in range(limit + 1) if value not in seen]
        return missing

    def report(self) -> str:
        """Return what occurred, as JSON."""
        return json.dumps(
            {
                "networks": self.networks,
                "cycles": self.cycles,
                "shifts": len(self.shifts),
                "waits": len(self.waits),
                "facts": dict(sorted(self.facts.items())),
            }
        )

    def _possible(self, fact: str) -> bool:
        """Whether an engine of this size can show a fact."""
        if fact == "partial wave":
            return self.engine.lane_count > 1
        if fact in ("sine", "tanh"):
            return self.engine.table_units > 0
        return fact != "K below S" or self.engine.requantizer_sharing > 1

    def _planned_cycles(self, case: Case) -> int:
        """Return the planner's cycles of all queries on all waves."""
        waves = -(-len(case.samples_raw) // self.engine.lane_count)
        return waves * sum(
            program_cycles(case.program, self.engine, query.entry, query.stop)
            for query in case.queries
        )

    def _remember(self, case: Case, counters: Counters) -> None:
        """Note what a case exercised."""
        self.networks += 1
        self.cycles += counters.run_cycles
        stages = case.program.stages
        self.shifts |= {stage.shift for stage in stages}
        self.waits |= {stage.wait_cycles for stage in stages[1:]}
        facts = {
            "saturation": bool(counters.saturations.any()),
            "weight saturation": counters.weight_saturations > 0,
            "K = 1": any(stage.counts[5] == 1 for stage in stages),
            "K below S": any(s.counts[5] < self.engine.requantizer_sharing for s in stages),
            "several waves": len(case.samples_raw) > self.engine.lane_count,
            "bias": any(stage.use_bias for stage in stages),
            "ReLU": any(stage.activation == Activation.RELU for stage in stages),
            "sine": any(stage.activation == Activation.SINE for stage in stages),
            "tanh": any(stage.activation == Activation.TANH for stage in stages),
            "four layers": len(case.network.layers) == 4,
            **_one_hot_facts(case, self.engine),
        }
        self.facts.update(case.kinds)
        self.facts.update(name for name, occurred in facts.items() if occurred)


def _one_hot_facts(case: Case, engine: EngineParameters) -> dict[str, bool]:
    """Return what the case's one-hot queries show; each pair of copies gets every other query."""
    one_hot = [q for q in case.queries if q.sign and q.distribution == Distribution.ONE_HOT]
    weights = case.program.weight_count

    def saturates(query: Query) -> bool:
        value = int(case.parameters_raw[query.first]) + query.sign * query.epsilon_raw
        return engine.weight.saturate(value) != value

    copied = [q in one_hot or not q.sign for q in case.queries]
    waves = -(-len(case.samples_raw) // engine.lane_count)
    turns = list(zip(copied * waves, (copied * waves)[2:], strict=False))
    return {
        "one-hot weight": any(query.first < weights for query in one_hot),
        "one-hot bias": any(query.first >= weights for query in one_hot),
        "one-hot saturation": any(map(saturates, one_hot)),
        "patch after patch": (True, True) in turns,
        "stream after patch": (True, False) in turns,
    }


def with_stage(case: Case, index: int, **changes: int) -> Case:
    """Return a case with fields of one stage changed."""
    stages = list(case.program.stages)
    stages[index] = dataclasses.replace(stages[index], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(case, program=case.program.with_stages(stages))
