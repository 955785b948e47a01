"""Stage descriptors and stage programs: the data that one engine runs any network from.

The layout of a descriptor is defined here and nowhere else: golden model, planner, packets and
gateware read :data:`CONTROL_FIELDS`, :data:`HALFWORDS` and :data:`DESCRIPTOR_WORDS`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from tenzo.sw.errors import UserError

COUNTERS = ("left1", "left0", "right1", "right0", "j", "k")
"""Counters of a descriptor, outermost first. Only ``k`` accumulates."""

ADDRESS_MODULUS = 1 << 16
"""Addresses and their steps wrap at 16 bits."""


class Activation(IntEnum):
    """What follows rounding and saturation."""

    NONE = 0
    RELU = 1
    SINE = 2
    TANH = 3

    @property
    def uses_table(self) -> bool:
        """Whether the engine's table computes it: see :class:`tenzo.sw.table.Table`."""
        return self >= Activation.SINE


CONTROL_FIELDS: dict[str, tuple[int, int]] = {
    "shift": (0, 6),
    "bias_shift": (6, 5),
    "activation": (11, 3),
    "use_bias": (14, 1),
    "unit_weight": (15, 1),
    "to_results": (16, 1),
    "sample_input": (17, 1),
}
"""Bit offset and width of each field in word 0 of a descriptor."""

HALFWORDS: dict[str, tuple[int, int]] = {
    "control": (0, 2),
    "wait_cycles": (2, 1),
    "last_index": (4, 6),
    "input_base": (10, 1),
    "input_step": (11, 6),
    "weight_base": (17, 1),
    "weight_step": (18, 6),
    "output_base": (24, 1),
    "output_step": (25, 5),
    "bias_base": (30, 1),
    "bias_step": (31, 5),
}
"""First 16-bit halfword and halfword count of each field; halfword 0 is the low half of word 0.

``last_index`` holds ``count - 1`` of each counter, ``*_step`` the address step of each counter,
both outermost first. Output and bias do not move with ``k``.
"""

DESCRIPTOR_HALFWORDS = 36
DESCRIPTOR_WORDS = DESCRIPTOR_HALFWORDS // 2


def address_steps(counts: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Return what the address gains when each counter advances, modulo 2^16.

    When counter c advances, every counter inside it returns to zero, so
    ``step[c] = stride[c] - sum over inner i of (count[i] - 1) * stride[i]``.

    Parameters
    ----------
    counts, strides : sequences of the same length, outermost first
    """
    steps = []
    for index, stride in enumerate(strides):
        inner = zip(counts[index + 1 :], strides[index + 1 :], strict=False)
        rewind = sum((count - 1) * inner_stride for count, inner_stride in inner)
        steps.append((stride - rewind) % ADDRESS_MODULUS)
    return tuple(steps)


def address_strides(counts: Sequence[int], steps: Sequence[int]) -> tuple[int, ...]:
    """Return the strides, modulo 2^16, that :func:`address_steps` turns into these steps."""
    strides: list[int] = []
    rewind = 0
    for count, step in zip(reversed(counts), reversed(steps), strict=True):
        strides.insert(0, (step + rewind) % ADDRESS_MODULUS)
        rewind += (count - 1) * strides[0]
    return tuple(strides)


@dataclass(frozen=True)
class Stage:
    """One stage as an affine loop nest.

    For every index of the counters left1, left0, right1, right0, j it computes
    ``activate(requantize((bias << bias_shift) + sum_k weight * input))``, each operand at its base
    plus the sum of index times stride, modulo 2^16.

    Parameters
    ----------
    counts : six :class:`int`
        Iterations of :data:`COUNTERS`, 1 to 65,536 each.
    input_base, weight_base, output_base, bias_base : :class:`int`
        Word addresses: lane memory, weight bank, lane memory or result buffer, bank of biases.
    input_strides, weight_strides : six :class:`int`
        Address strides, words.
    output_strides, bias_strides : five :class:`int`
        Address strides of every counter but ``k``.
    shift, bias_shift : :class:`int`
        Right shift of the sum, left shift of the bias.
    activation : :class:`Activation`
        Applied after rounding and saturation. Sine and tanh round to the activation's width even
        where ``to_results`` is set.
    use_bias : :class:`bool`
        Start sums at the shifted bias, else at zero.
    unit_weight : :class:`bool`
        Take raw 1 for every weight: the stage sums or copies its input.
    to_results : :class:`bool`
        Write 32-bit results into the result buffer instead of lane memory.
    sample_input : :class:`bool`
        Add the query's sample base to the input address.
    wait_cycles : :class:`int`
        Idle cycles before the first issue, computed by the planner.
    """

    counts: tuple[int, int, int, int, int, int]
    input_base: int
    input_strides: tuple[int, int, int, int, int, int]
    weight_base: int
    weight_strides: tuple[int, int, int, int, int, int]
    output_base: int
    output_strides: tuple[int, int, int, int, int]
    shift: int
    bias_base: int = 0
    bias_strides: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    bias_shift: int = 0
    activation: Activation = Activation.NONE
    use_bias: bool = False
    unit_weight: bool = False
    to_results: bool = False
    sample_input: bool = False
    wait_cycles: int = 0

    def __post_init__(self) -> None:
        for name, count in zip(COUNTERS, self.counts, strict=True):
            if not 1 <= count <= ADDRESS_MODULUS:
                raise UserError(f"stage count {name} must be 1 to 65536, not {count!r}")
        if not 0 <= self.wait_cycles < 1 << 16:
            raise UserError(f"wait_cycles must be 0 to 65535, not {self.wait_cycles!r}")
        for name in ("shift", "bias_shift"):
            value, limit = getattr(self, name), 1 << CONTROL_FIELDS[name][1]
            if not 0 <= value < limit:
                raise UserError(f"stage {name} must be 0 to {limit - 1}, not {value!r}")

    @property
    def narrow(self) -> bool:
        """Whether it saturates to the activation's width, not to 32 bits."""
        return self.activation.uses_table or not self.to_results

    @property
    def macs(self) -> int:
        """Multiply-accumulates per sample."""
        return self.output_count * self.counts[5]

    @property
    def output_count(self) -> int:
        """Values written per sample."""
        left1, left0, right1, right0, j, _ = self.counts
        return left1 * left0 * right1 * right0 * j

    def encode(self) -> tuple[int, ...]:
        """Return the descriptor as :data:`DESCRIPTOR_WORDS` unsigned 32-bit words."""
        control = 0
        for name, (offset, _) in CONTROL_FIELDS.items():
            control |= int(getattr(self, name)) << offset
        outer = self.counts[:5]
        values: dict[str, tuple[int, ...]] = {
            "control": (control & 0xFFFF, control >> 16),
            "wait_cycles": (self.wait_cycles,),
            "last_index": tuple(count - 1 for count in self.counts),
            "input_base": (self.input_base,),
            "input_step": address_steps(self.counts, self.input_strides),
            "weight_base": (self.weight_base,),
            "weight_step": address_steps(self.counts, self.weight_strides),
            "output_base": (self.output_base,),
            "output_step": address_steps(outer, self.output_strides),
            "bias_base": (self.bias_base,),
            "bias_step": address_steps(outer, self.bias_strides),
        }
        halfwords = [0] * DESCRIPTOR_HALFWORDS
        for name, (first, count) in HALFWORDS.items():
            halfwords[first : first + count] = [v % ADDRESS_MODULUS for v in values[name]]
        return tuple(
            low | high << 16 for low, high in zip(halfwords[::2], halfwords[1::2], strict=True)
        )

    @classmethod
    def decode(cls, words: Sequence[int]) -> "Stage":
        """Return the stage that a descriptor describes; strides come back modulo 2^16.

        Raises
        ------
        ValueError
            If the code of the activation is unknown.
        """
        halfwords = [half for word in words for half in (word & 0xFFFF, word >> 16)]
        take = {name: halfwords[i : i + count] for name, (i, count) in HALFWORDS.items()}
        control = take["control"][0] | take["control"][1] << 16
        bits = {
            name: control >> offset & ((1 << width) - 1)
            for name, (offset, width) in CONTROL_FIELDS.items()
        }
        counts = [last + 1 for last in take["last_index"]]
        values: dict[str, Any] = {
            name: bool(bits[name])
            for name in ("use_bias", "unit_weight", "to_results", "sample_input")
        }
        for name in ("input", "weight", "output", "bias"):
            steps = take[f"{name}_step"]
            values[f"{name}_base"] = take[f"{name}_base"][0]
            values[f"{name}_strides"] = address_strides(counts[: len(steps)], steps)
        return cls(
            counts=(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]),
            shift=bits["shift"],
            bias_shift=bits["bias_shift"],
            activation=Activation(bits["activation"]),
            wait_cycles=take["wait_cycles"][0],
            **values,
        )


@dataclass(frozen=True)
class Program:
    """Stages in order, and what a device needs to know to feed them.

    Parameters
    ----------
    stages : tuple of :class:`Stage`
    weight_count, bias_count : :class:`int`
        Words used in the two banks. A parameter vector is all weights, then all biases.
    input_count : :class:`int`
        Words per sample.
    sample_bases : tuple of :class:`int`
        Lane addresses where samples may be loaded: one, or two for double buffering.
    output_count : :class:`int`
        Results per sample.
    output_frac_bits : :class:`int`
        Fractional bits of a result.
    """

    stages: tuple[Stage, ...]
    weight_count: int
    bias_count: int
    input_count: int
    sample_bases: tuple[int, ...]
    output_count: int
    output_frac_bits: int

    @property
    def parameter_count(self) -> int:
        """Length of a parameter vector."""
        return self.weight_count + self.bias_count

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one pass, per sample."""
        return sum(stage.macs for stage in self.stages)

    def encode(self) -> tuple[int, ...]:
        """Return all descriptors as unsigned 32-bit words, slot by slot."""
        return tuple(word for stage in self.stages for word in stage.encode())

    def results_of(self, entry: int, stop: int) -> int:
        """Return the results per sample of a query on some stages: none if they write none."""
        writes = any(stage.to_results for stage in self.stages[entry:stop])
        return self.output_count if writes else 0

    def with_stages(self, stages: Sequence[Stage]) -> "Program":
        """Return the same program with other stages."""
        return replace(self, stages=tuple(stages))

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)
