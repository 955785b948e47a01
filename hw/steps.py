"""Memory of address steps, where registers for them are too many."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from tenzo.hw.compare import exceeds
from tenzo.hw.delay import delayed
from tenzo.hw.descriptor import address_widths
from tenzo.hw.interface import ProgramWriteLayout
from tenzo.hw.memory import simple_memory
from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import COUNTERS, DESCRIPTOR_HALFWORDS, DESCRIPTOR_WORDS, HALFWORDS


class StepMemory(wiring.Component):
    """Steps of all addresses, for every counter of every stage slot: one small memory an address.

    Takes them out of the descriptor words that the host writes, the low half of a word in its own
    cycle, the high half in the next. So words come every second cycle at most, and address and data
    of one stay for another cycle.

    Throughput is one step of each address per clock cycle, one cycle after ``advance``.

    On ECP5 the default engine's takes at most 90 LUT4, 12 CCU2C and 5 flip-flops besides four block
    memories.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    program_write : ``In(ProgramWriteLayout())``
        Descriptor word. Addresses past the end are ignored.
    slot : ``In(8)``
        Stage slot of the steps to read.
    advance : ``In(len(COUNTERS))``
        The counter whose step is read, as one bit.
    input, weight, output, bias : ``Out``
        Steps of their addresses, one cycle later. Those of output and bias are undefined for ``k``.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__(
            {
                "program_write": In(ProgramWriteLayout()),
                "slot": In(8),
                "advance": In(len(COUNTERS)),
                **{name: Out(width) for name, width in address_widths(engine).items()},
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build one memory an address, all written at one place."""
        m = Module()
        slots = self.engine.stage_slots
        words = slots * DESCRIPTOR_WORDS
        word = self.program_write.address[: bits_for(words - 1)]
        slot, within = _divided(m, word, slots)
        low = self.program_write.valid & ~exceeds(self.program_write.address, words - 1)
        high = delayed(m, low, 1)
        half = Signal(range(DESCRIPTOR_HALFWORDS))
        m.d.comb += half.eq(Cat(high, within))
        data = self.program_write.data.word_select(high, 16)
        for name, width in address_widths(self.engine).items():
            first, count = HALFWORDS[f"{name}_step"]
            memory = simple_memory(width, 8 * slots)
            m.submodules[name] = memory
            write, read = memory.write_port(), memory.read_port()
            place = Signal(3)  # as in the descriptor's halfwords, so that writing needs no adder
            for counter in range(count):
                with m.If(self.advance[counter]):
                    m.d.comb += place.eq(first + counter)
            m.d.comb += [
                write.en.eq(
                    (low | high) & exceeds(half, first - 1) & ~exceeds(half, first + count - 1)
                ),
                write.addr.eq(Cat(half[:3], slot)),
                write.data.eq(data),
                read.addr.eq(Cat(place, self.slot)),
                getattr(self, name).eq(read.data),
            ]
        return m


def _divided(m: Module, word: Value, slots: int) -> tuple[Signal, Signal]:
    """Return stage slot and word within its descriptor, without a divider."""
    pairs = DESCRIPTOR_WORDS // 2
    factor, shift = reciprocal(pairs, slots * pairs)
    slot, within = Signal(range(slots)), Signal(range(DESCRIPTOR_WORDS))
    terms = [word[1:] << bit for bit in range(factor.bit_length()) if factor >> bit & 1]
    m.d.comb += [
        slot.eq(sum(terms[1:], terms[0]) >> shift),
        within.eq(word - (slot << 4) - (slot << 1)),
    ]
    return slot, within


def reciprocal(divisor: int, limit: int) -> tuple[int, int]:
    """Return f and s with ``n // divisor == n * f >> s`` for all n below a limit."""
    shift = 0
    while True:
        factor = -(-(1 << shift) // divisor)
        if all(n * factor >> shift == n // divisor for n in range(limit)):
            return factor, shift
        shift += 1
