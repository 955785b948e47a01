"""Program memory, and the registers into which the next stage's descriptor is read ahead."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tenzo.hw.compare import exceeds
from tenzo.hw.delay import delayed
from tenzo.hw.descriptor import DescriptorLayout, word_assignments
from tenzo.hw.interface import ProgramWriteLayout
from tenzo.hw.memory import SinglePortMemory
from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import DESCRIPTOR_WORDS, HALFWORDS

FETCH_CYCLES = DESCRIPTOR_WORDS + 2
"""Cycles from ``start`` or ``advance`` to ``ready``."""


class Prefetch(wiring.Component):
    """Program memory and the registers of the next descriptor.

    Reads one word a clock cycle; a descriptor is ``ready`` 20 cycles after ``start`` or
    ``advance``, and stays until the next of the two. The base address of a stage with
    ``sample_input`` gains ``sample_base`` on the way.

    On ECP5 the default engine's takes at most 64 LUT4, 24 CCU2C and 410 flip-flops besides two
    block memories.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    compact : :class:`bool`
        Leave out steps.

    Members
    -------
    program_write : ``In(ProgramWriteLayout())``
        Plain write of one descriptor word. Addresses past the end are ignored.
    start : ``In(1)``
        Pulse: fetch the descriptor in slot ``entry``.
    entry : ``In(8)``
        First stage slot.
    advance : ``In(1)``
        Pulse: fetch the one after the last fetched.
    sample_base : ``In(16)``
        Lane address of the samples. Constant from ``start`` to ``ready``.
    descriptor : ``Out(DescriptorLayout(engine, steps=not compact))``
        The descriptor, complete while ``ready`` is high.
    ready : ``Out(1)``
        It is complete.
    """

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self.engine = engine
        super().__init__(
            {
                "program_write": In(ProgramWriteLayout()),
                "start": In(1),
                "entry": In(8),
                "advance": In(1),
                "sample_base": In(16),
                "descriptor": Out(DescriptorLayout(engine, steps=not compact)),
                "ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory, the word counter and the write enables."""
        m = Module()
        depth = self.engine.stage_slots * DESCRIPTOR_WORDS
        m.submodules.memory = memory = SinglePortMemory(32, depth)
        past = exceeds(self.program_write.address, depth - 1)
        m.d.comb += [
            memory.write_enable.eq(self.program_write.valid & ~past),
            memory.write_address.eq(self.program_write.address),
            memory.write_data.eq(self.program_write.data),
        ]
        fetching = Signal()
        pointer = Signal(ceil_log2(depth), reset_less=True)
        word = Signal(range(DESCRIPTOR_WORDS), reset_less=True)
        last = word == DESCRIPTOR_WORDS - 1
        m.d.comb += memory.read_address.eq(pointer)
        with m.If(self.start | self.advance):
            m.d.sync += [fetching.eq(1), word.eq(0), self.ready.eq(0)]
        with m.Elif(fetching):
            m.d.sync += [word.eq(word + 1), pointer.eq(pointer + 1), fetching.eq(~last)]
        with m.If(self.start):  # times DESCRIPTOR_WORDS, without a multiplier
            m.d.sync += pointer.eq((self.entry << 4) + (self.entry << 1))
        self._store(
            m, memory.read_data, delayed(m, fetching, 1), delayed(m, word, 1, reset_less=True)
        )
        return m

    def _store(self, m: Module, value: Signal, valid: Signal, index: Signal) -> None:
        """Put each word where it belongs."""
        for word in range(DESCRIPTOR_WORDS):
            with m.If(valid & (index == word)):
                for _, target, part in word_assignments(self.descriptor, word, value):
                    m.d.sync += target.eq(part)
        base = self.descriptor.input_base
        with m.If(valid & (index == HALFWORDS["input_base"][0] // 2 + 1)):  # the word after it
            m.d.sync += base.eq(base + Mux(self.descriptor.sample_input, self.sample_base, 0))
        with m.If(valid & (index == DESCRIPTOR_WORDS - 1)):
            m.d.sync += self.ready.eq(1)
