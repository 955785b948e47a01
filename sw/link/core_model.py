"""Plain model of the core: memories as packets fill them, programs run descriptor by descriptor.

It computes each stage by gathering operands address by address, in 64-bit integers, so it runs any
program that the gateware runs. Sums, rounding and memories are its own; the perturbed parameters,
the addresses of a loop nest and the cycles of an output come from the functions that the golden
model calls too.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.packets import COUNTER_WORDS
from tenzo.sw.perturbation import perturb
from tenzo.sw.planning.addressing import addresses
from tenzo.sw.planning.schedule import issue_slots
from tenzo.sw.program import DESCRIPTOR_WORDS, Activation, Program, Stage
from tenzo.sw.timing import drain_cycles

IntArray = npt.NDArray[np.int64]

COUNTER_LIMIT = 0xFFFFFFFF
_SIGNS = {0: 0, 1: 1, 2: -1}


class CoreModel:
    """Memories, counters and runs of a core.

    Words that no packet wrote read as zero here, and addresses past the end of a memory wrap; both
    are undefined in gateware. The three counters of waiting cycles stay zero.

    Parameters
    ----------
    engine : :class:`EngineParameters`

    Members
    -------
    program : uint32 words of the descriptors
    weights, biases : int64 arrays of shape (weight_depth,) and (bias_depth,)
    lanes : int64 array of shape (lane_count, lane_depth)
    counters : words of ``READ_COUNTERS`` by name
    saturations : one count per stage slot
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        self.program = [0] * (engine.stage_slots * DESCRIPTOR_WORDS)
        self.weights = np.zeros(engine.weight_depth, dtype=np.int64)
        self.biases = np.zeros(engine.bias_depth, dtype=np.int64)
        self.lanes = np.zeros((engine.lane_count, engine.lane_depth), dtype=np.int64)
        self.clear()

    def clear(self) -> None:
        """Set all counters to zero."""
        self.counters = dict.fromkeys(COUNTER_WORDS, 0)
        self.saturations = [0] * self.engine.stage_slots

    def run(self, query: Mapping[str, int], weight_count: int, bias_count: int) -> IntArray:
        """Run a query, given by the fields of its packet.

        Returns
        -------
        int64 array of shape (lane_count, result_depth); outputs that no stage wrote are zero.
        """
        entry, stop, active = query["entry"], query["stop"], query["active_lanes"]
        weights, biases = self._perturb(query, weight_count, bias_count)
        results = np.zeros((self.engine.lane_count, self.engine.result_depth), dtype=np.int64)
        stages = self._stages(entry, stop)
        for slot, stage in enumerate(stages, start=entry):
            base = query["sample_base"] if stage.sample_input else 0
            outputs, saturated = self._compute(stage, base, weights, biases)
            target = results if stage.to_results else self.lanes
            where = addresses(stage.counts[:5], stage.output_base, stage.output_strides)
            target[:, where % target.shape[1]] = outputs
            self.saturations[slot] = min(
                self.saturations[slot] + int(saturated[:active].sum()), COUNTER_LIMIT
            )
        self._count("queries", 1)
        self._count("mac_cycles", sum(stage.macs for stage in stages))
        self._count("run_cycles", self._run_cycles(stages))
        return results

    def _stages(self, entry: int, stop: int) -> list[Stage]:
        words = self.program
        starts = range(entry * DESCRIPTOR_WORDS, stop * DESCRIPTOR_WORDS, DESCRIPTOR_WORDS)
        return [Stage.decode(words[start : start + DESCRIPTOR_WORDS]) for start in starts]

    def _perturb(
        self, fields: Mapping[str, int], weight_count: int, bias_count: int
    ) -> tuple[IntArray, IntArray]:
        """Return working weights and biases, and count those that saturated."""
        parameters = np.concatenate([self.weights[:weight_count], self.biases[:bias_count]])
        distribution = Distribution(fields["distribution"])
        query = Query(
            sign=_SIGNS[fields["sign"]] if fields["epsilon_raw"] else 0,
            seed=fields["seed"],
            epsilon_raw=fields["epsilon_raw"],
            distribution=distribution,
            bits=1 if distribution == Distribution.RADEMACHER else fields["bits"],
            first=fields["first"],
            last=fields["last"],
            entry=0,
            stop=1,
        )
        program = Program(tuple(self._stages(0, 1)), weight_count, bias_count, 0, (), 0, 0)
        parameters, saturated = perturb(parameters, query, program, self.engine)
        self._count("weight_saturations", saturated)
        weights, biases = self.weights.copy(), self.biases.copy()
        weights[:weight_count] = parameters[:weight_count]
        biases[:bias_count] = parameters[weight_count:]
        return weights, biases

    def _compute(
        self, stage: Stage, base: int, weights: IntArray, biases: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return outputs of shape (lanes, left1, ..., j) and saturated values of each lane."""
        where = addresses(stage.counts, stage.input_base + base, stage.input_strides)
        inputs = self.lanes.take(where, axis=1, mode="wrap")
        if not stage.unit_weight:
            where = addresses(stage.counts, stage.weight_base, stage.weight_strides)
            inputs *= weights.take(where, mode="wrap")
        sums = inputs.sum(axis=-1)
        if stage.use_bias:
            where = addresses(stage.counts[:5], stage.bias_base, stage.bias_strides)
            sums += biases.take(where, mode="wrap") << stage.bias_shift
        rounded = (sums + ((1 << stage.shift) >> 1)) >> stage.shift
        table = self.engine.table_units > 0 and stage.activation.uses_table
        wide = stage.to_results and not table
        width = RESULT_WIDTH if wide else self.engine.activation.width
        limit = 1 << (width - 1)
        outputs = np.clip(rounded, -limit, limit - 1)
        saturated = (outputs != rounded).sum(axis=tuple(range(1, outputs.ndim)))
        if stage.activation == Activation.RELU:
            outputs = np.maximum(outputs, 0)
        elif table:
            outputs = self.engine.table.apply(stage.activation, outputs)
        return outputs, saturated

    def _run_cycles(self, stages: Sequence[Stage]) -> int:
        """Return the cycles from first issue to last write; no wait before the first stage."""
        slots = sum(issue_slots(stage, self.engine) for stage in stages)
        waits = sum(stage.wait_cycles for stage in stages[1:])
        return slots + waits + drain_cycles(self.engine)

    def _count(self, name: str, amount: int) -> None:
        self.counters[name] = min(self.counters[name] + amount, COUNTER_LIMIT)
