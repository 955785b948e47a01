"""A slow interpreter of descriptors in Python integers: one lane, one address step at a time.

It reads the encoded words and moves counters and addresses as the sequencer does. The golden model,
which computes whole loop nests at once, is compared with it; so are the planner's idle cycles,
since it keeps the cycle in which every word is written. Only tests use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import RESULT_WIDTH, requantize
from tenzo.sw.program import (
    ADDRESS_MODULUS,
    CONTROL_FIELDS,
    DESCRIPTOR_WORDS,
    HALFWORDS,
    Activation,
)
from tenzo.sw.timing import (
    ISSUE_TO_READ,
    ISSUE_TO_WRITE,
    TABLE_CYCLES,
    drain_cycles,
    last_write,
    output_cycles,
)


class StaleReadError(Exception):
    """A term reads a word that was never written, or is written in the same cycle or later."""


class WriteOrderError(Exception):
    """An output is written before the one before it has been written to all lanes of a group."""


@dataclass(frozen=True)
class Descriptor:
    """A decoded descriptor: fields of the control word, and halfwords by name."""

    control: Mapping[str, int]
    halfwords: Mapping[str, tuple[int, ...]]

    def base(self, operand: str) -> int:
        """Return the first address of an operand."""
        return self.halfwords[f"{operand}_base"][0]

    @property
    def terms(self) -> int:
        """Terms of each sum."""
        return self.halfwords["last_index"][5] + 1

    @property
    def activation(self) -> Activation:
        """What follows rounding and saturation."""
        return Activation(self.control["activation"])


def decode(words: Sequence[int]) -> Descriptor:
    """Decode the words of one descriptor."""
    halves = [half for word in words for half in (word & 0xFFFF, word >> 16)]
    named = {name: tuple(halves[first : first + n]) for name, (first, n) in HALFWORDS.items()}
    low, high = named["control"]
    control = {
        name: (low | high << 16) >> offset & ((1 << width) - 1)
        for name, (offset, width) in CONTROL_FIELDS.items()
    }
    return Descriptor(control, named)


@dataclass(frozen=True)
class Term:
    """Addresses of one term, and whether it is the first and the last of its sum."""

    input: int
    weight: int
    bias: int
    output: int
    first: bool
    last: bool


def terms(descriptor: Descriptor) -> Iterator[Term]:
    """Yield the terms of a stage in the order of issue, one address step after the other."""
    last_index = descriptor.halfwords["last_index"]
    steps = {
        operand: descriptor.halfwords[f"{operand}_step"]
        for operand in ("input", "weight", "output", "bias")
    }
    address = {operand: descriptor.base(operand) for operand in steps}
    index = [0] * 6
    while True:
        at_end = [i == last for i, last in zip(index, last_index, strict=True)]
        yield Term(**address, first=index[5] == 0, last=at_end[5])
        if all(at_end):
            return
        advancing = max(counter for counter in range(6) if not at_end[counter])
        index[advancing] += 1
        index[advancing + 1 :] = [0] * (5 - advancing)
        for operand, step in steps.items():
            if advancing < len(step):
                address[operand] = (address[operand] + step[advancing]) % ADDRESS_MODULUS


@dataclass
class Lane:
    """One lane while a program runs.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    weights, biases : sequences of :class:`int`
    memory : dict
        Lane words by address, samples included.
    sample_base : :class:`int`
        Added to the input address of stages that read samples.
    """

    engine: EngineParameters
    weights: Sequence[int]
    biases: Sequence[int]
    memory: dict[int, int]
    sample_base: int = 0
    results: dict[int, int] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)
    """Cycle in which a word is on the write port of the last lane of its group."""
    saturations: dict[int, int] = field(default_factory=dict)
    stage_outputs: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Address and value of every output of a stage, in the order in which it writes them."""
    cycle: int = 0
    macs: int = 0
    busy_until: int = -1
    """Last cycle in which the write ports are in use."""

    def run(self, words: Sequence[int], entry: int, stop: int) -> int:
        """Run stages entry..stop-1 of an encoded program; return its cycles."""
        self.written.clear()
        self.cycle, self.busy_until = 0, -1
        for slot in range(entry, stop):
            descriptor = decode(words[slot * DESCRIPTOR_WORDS : (slot + 1) * DESCRIPTOR_WORDS])
            if slot > entry:
                self.cycle += descriptor.halfwords["wait_cycles"][0]
            self._stage(slot, descriptor)
        return self.cycle + drain_cycles(self.engine)

    def _stage(self, slot: int, descriptor: Descriptor) -> None:
        """Run one stage."""
        self.saturations.setdefault(slot, 0)
        self.stage_outputs[slot] = []
        table = descriptor.activation.uses_table
        idle = output_cycles(self.engine, descriptor.terms, table) - descriptor.terms
        total = 0
        for term in terms(descriptor):
            if term.first:
                self.cycle += idle
                bias = self.biases[term.bias] if descriptor.control["use_bias"] else 0
                total = bias << descriptor.control["bias_shift"]
            unit = descriptor.control["unit_weight"]
            weight = 1 if unit else self.weights[term.weight]
            total += weight * self._read(term.input, descriptor.control["sample_input"])
            self.macs += 1
            if term.last:
                self._write(slot, descriptor, term.output, total)
            self.cycle += 1

    def _read(self, address: int, sample: int) -> int:
        """Read lane memory one cycle after issue."""
        if sample:
            address = (address + self.sample_base) % ADDRESS_MODULUS
        if address not in self.memory:
            raise StaleReadError(f"lane word {address} is read but never written")
        if self.written.get(address, -1) >= self.cycle + ISSUE_TO_READ:
            raise StaleReadError(f"lane word {address} is read in cycle {self.cycle}, too early")
        return self.memory[address]

    def _write(self, slot: int, descriptor: Descriptor, address: int, total: int) -> None:
        """Requantize, activate and write one sum."""
        to_results = descriptor.control["to_results"]
        activation = descriptor.activation
        wide = to_results and not activation.uses_table
        width = RESULT_WIDTH if wide else self.engine.activation.width
        value, saturated = requantize(total, descriptor.control["shift"], width)
        self.saturations[slot] += saturated
        if activation == Activation.RELU:
            value = max(value, 0)
        elif activation.uses_table:
            value = self.engine.table.value(activation, value)
        self.stage_outputs[slot].append((address, value))
        written = self._occupy(activation.uses_table)
        if to_results:
            self.results[address] = value
            return
        self.memory[address] = value
        self.written[address] = written

    def _occupy(self, table: bool) -> int:
        """Take the write ports for an output; return the cycle of its last lane."""
        first = self.cycle + ISSUE_TO_WRITE + (TABLE_CYCLES if table else 0)
        if first <= self.busy_until:
            raise WriteOrderError(f"an output is written in cycle {first}, too early")
        self.busy_until = self.cycle + last_write(self.engine, table)
        return self.busy_until
