"""A stage descriptor in registers, each field as wide as its engine needs."""

from collections.abc import Iterator

from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.utils import ceil_log2

from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import CONTROL_FIELDS, HALFWORDS


def address_widths(engine: EngineParameters) -> dict[str, int]:
    """Return the bits of each address that a descriptor holds."""
    return {
        "input": ceil_log2(engine.lane_depth),
        "weight": ceil_log2(engine.weight_depth),
        "output": max(ceil_log2(engine.lane_depth), ceil_log2(engine.result_depth)),
        "bias": ceil_log2(engine.bias_depth),
    }


class DescriptorLayout(data.StructLayout):
    """The fields of :data:`tenzo.sw.program.CONTROL_FIELDS` and :data:`HALFWORDS`.

    Bases and steps are cut to the width of their memory's address: sums modulo a smaller power of
    two agree with sums modulo 2^16.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    steps : :class:`bool`
        Whether steps are among the fields.
    """

    def __init__(self, engine: EngineParameters, *, steps: bool = True) -> None:
        fields: dict[str, object] = {name: width for name, (_, width) in CONTROL_FIELDS.items()}
        fields |= {"wait_cycles": 16, "last_index": data.ArrayLayout(16, 6)}
        for name, width in address_widths(engine).items():
            fields[f"{name}_base"] = width
            if steps:
                fields[f"{name}_step"] = data.ArrayLayout(width, HALFWORDS[f"{name}_step"][1])
        super().__init__(fields)


def word_assignments(
    descriptor: data.View, word: int, value: Value
) -> Iterator[tuple[str, Value, Value]]:
    """Yield what one 32-bit word of a descriptor sets: field name, target, value.

    Parameters
    ----------
    descriptor : view of :class:`DescriptorLayout`
    word : :class:`int`
        Index of the word, 0 to ``DESCRIPTOR_WORDS - 1``.
    value : 32-bit value
    """
    if word == 0:
        for name, (offset, width) in CONTROL_FIELDS.items():
            yield name, descriptor[name], value[offset : offset + width]
    for half in (0, 1):
        for name, (first, count) in HALFWORDS.items():
            index = 2 * word + half - first
            absent = name not in descriptor.shape().members
            if absent or not 0 <= index < count:
                continue
            field = descriptor[name]
            target = field[index] if isinstance(field, data.View) else field
            yield name, target, value[16 * half : 16 * half + 16]
