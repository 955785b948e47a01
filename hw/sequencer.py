"""Sequencer: turns descriptors into one stream of terms."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.delay import delayed
from tenzo.hw.descriptor import address_widths
from tenzo.hw.interface import ProgramWriteLayout
from tenzo.hw.prefetch import FETCH_CYCLES, Prefetch
from tenzo.hw.steps import StepMemory
from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import COUNTERS, HALFWORDS

START_CYCLES = FETCH_CYCLES + 2
"""Cycles from ``start`` to the first slot of a stage that waits no longer than that."""


class TermLayout(data.StructLayout):
    """An issue slot: if ``valid``, one term of the sum that all lanes compute.

    ``first`` and ``last`` mark the first and the last term of an output; addresses and settings
    hold for every slot of the output. ``stage_start`` marks the first slot of a stage,
    ``program_start`` the first slot of a program, ``program_end`` its last one.
    """

    def __init__(self, engine: EngineParameters) -> None:
        widths = address_widths(engine)
        super().__init__(
            {
                "valid": 1,
                "first": 1,
                "last": 1,
                **{f"{name}_address": width for name, width in widths.items()},
                "shift": 6,
                "bias_shift": 5,
                "activation": 3,
                "use_bias": 1,
                "unit_weight": 1,
                "to_results": 1,
                "stage_start": 1,
                "program_start": 1,
                "program_end": 1,
            }
        )


class Sequencer(wiring.Component):
    """Loop nests of a program, stage by stage.

    An output takes ``max(K, S)`` slots, ``max(K, S * table_rounds)`` in a stage with sine or tanh
    on an engine with table units, the idle ones first, one slot each clock cycle. When a
    counter advances, every address gains the step of that counter: one adder an address. ::

        descriptor -> counters -> register -> addresses -> term

    Counters run one cycle ahead of ``term``: they say which step each address gains. The next
    descriptor is read while a stage runs, so stages follow each other without a gap if their first
    slots are at least ``PREFETCH_CYCLES`` apart; ``wait_cycles`` idle cycles come first.

    The first slot comes ``START_CYCLES`` after ``start``, or ``wait_cycles + 3`` if that is more.
    There is no back-pressure.

    On ECP5 the default engine's takes at most 570 LUT4, 110 CCU2C and 520 flip-flops besides the
    prefetch.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    compact : :class:`bool`
        Keep steps in a :class:`StepMemory` instead of registers.

    Members
    -------
    program_write : ``In(ProgramWriteLayout())``
        Plain write of one descriptor word; if ``compact``, as a :class:`StepMemory` wants it.
    start : ``In(1)``
        Pulse: run stages ``entry`` to ``stop - 1``. Only while no program runs.
    entry, stop : ``In(8)``
        First stage slot and the one after the last.
    sample_base : ``In(16)``
        Lane address of the samples. Constant while a program runs.
    term : ``Out(TermLayout(engine))``
        This cycle's issue slot.
    running : ``Out(1)``
        A program is between its first slot and its last one, waits included.
    """

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self.engine = engine
        self.compact = compact
        super().__init__(
            {
                "program_write": In(ProgramWriteLayout()),
                "start": In(1),
                "entry": In(8),
                "stop": In(8),
                "sample_base": In(16),
                "term": Out(TermLayout(engine)),
                "running": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the prefetched descriptor, the stage control and the loop nest."""
        m = Module()
        m.submodules.prefetch = prefetch = Prefetch(self.engine, compact=self.compact)
        m.d.comb += [
            prefetch.program_write.eq(self.program_write),
            prefetch.start.eq(self.start),
            prefetch.entry.eq(self.entry),
            prefetch.sample_base.eq(self.sample_base),
        ]
        following = prefetch.descriptor
        switch = Signal()  # the next cycle is the counters' first one of a stage
        stage_done = Signal()  # this cycle is their last one
        issue = Signal()  # they stand for a term
        at_last = self._counters(m, following, switch, issue)
        running, last_stage = self._stages(m, prefetch, switch, stage_done)
        first = self._pace(m, following, switch, stage_done, issue, at_last[-1])
        m.d.comb += stage_done.eq(issue & at_last.all())
        flags = {
            "valid": issue,
            "program_end": stage_done & last_stage,
            "stage_start": delayed(m, switch, 1),
            "program_start": delayed(m, switch & ~running, 1),
        }
        for name, flag in flags.items():
            m.d.comb += self.term[name].eq(delayed(m, flag, 1))
        m.d.comb += [
            self.term.first.eq(delayed(m, first, 1, reset_less=True)),
            self.term.last.eq(delayed(m, at_last[-1], 1, reset_less=True)),
            self.running.eq(delayed(m, running, 1)),
        ]
        advance = Cat(
            issue & ~at_last[index] & _inner_wrap(at_last, index) for index in range(len(COUNTERS))
        )
        active = self._active(m, following, delayed(m, switch, 1))
        if self.compact:
            slot = Signal(8, reset_less=True)
            with m.If(switch):
                m.d.sync += slot.eq(Mux(running, slot + 1, self.entry))
            steps = self._remembered_steps(m, slot, advance)
        else:
            steps = self._selected_steps(m, active, advance)
        for name, step in steps.items():
            address = active[f"{name}_base"]
            with m.If(~delayed(m, switch, 1)):
                m.d.sync += address.eq(address + step)
            m.d.comb += self.term[f"{name}_address"].eq(address)
        return m

    def _stages(
        self, m: Module, prefetch: Prefetch, switch: Signal, done: Signal
    ) -> tuple[Signal, Value]:
        """Count stages and wait cycles; return whether a stage runs, and whether it is the last."""
        running = Signal()
        wait_cycles = prefetch.descriptor.wait_cycles
        left = Signal(8)  # stages after the present one
        waiting = Signal()  # for the first slot of the next stage
        elapsed = Signal(17, reset_less=True)
        no_wait, wait_over = Signal(), Signal()
        follows = Signal()  # there are such
        m.d.sync += [no_wait.eq(wait_cycles == 0), wait_over.eq(elapsed >= wait_cycles)]
        m.d.comb += [
            switch.eq(prefetch.ready & ((done & follows & no_wait) | (waiting & wait_over))),
            prefetch.advance.eq(switch & (left != 1)),
        ]
        with m.If(self.start):
            m.d.sync += [left.eq(self.stop - self.entry), follows.eq(1), waiting.eq(1)]
            m.d.sync += elapsed.eq(1)
        with m.Elif(switch):
            m.d.sync += [left.eq(left - 1), follows.eq(left != 1)]
            m.d.sync += [waiting.eq(0), elapsed.eq(1), running.eq(1)]
        with m.Elif(done & follows):
            m.d.sync += [waiting.eq(1), elapsed.eq(2)]
        with m.Elif(waiting):
            m.d.sync += elapsed.eq(elapsed + 1)
        with m.If(done & ~follows):
            m.d.sync += running.eq(0)
        return running, ~follows

    def _pace(
        self,
        m: Module,
        following: data.View,
        switch: Signal,
        done: Signal,
        issue: Signal,
        last: Value,
    ) -> Signal:
        """Issue terms, after as many idle slots as the shared requantizer needs.

        Returns whether a term is the first one of its output.
        """
        first = Signal(reset_less=True)
        most_slots = self.engine.requantizer_sharing * self.engine.table_rounds
        idle_slots = Signal(range(max(2, most_slots)))
        padding = Signal.like(idle_slots, reset_less=True)  # of every output of the stage
        next_padding = Signal.like(idle_slots)
        m.d.comb += next_padding.eq(self._padding(following))
        with m.If(switch):
            m.d.sync += [
                issue.eq(next_padding == 0),
                first.eq(1),
                padding.eq(next_padding),
                idle_slots.eq(next_padding),
            ]
        with m.Elif(done):
            m.d.sync += issue.eq(0)
        with m.Elif(issue):
            m.d.sync += [
                issue.eq(~last | (padding == 0)),
                first.eq(last),
                idle_slots.eq(Mux(last, padding, 0)),
            ]
        with m.Elif(idle_slots != 0):
            m.d.sync += [issue.eq(idle_slots == 1), idle_slots.eq(idle_slots - 1)]
        return first

    def _padding(self, descriptor: data.View) -> Value:
        """Return the idle slots of an output: what its terms fall short of the sharing lanes."""
        sharing, rounds = self.engine.requantizer_sharing, self.engine.table_rounds
        padding = _padding_to(sharing, descriptor.last_index[-1])
        if rounds == 1:
            return padding
        longer = _padding_to(sharing * rounds, descriptor.last_index[-1])
        return Mux(uses_table(descriptor), longer, padding)

    def _counters(self, m: Module, following: data.View, switch: Signal, issue: Signal) -> Signal:
        """Count down all six; return which of them are in their last iteration."""
        at_last = Signal(len(COUNTERS), reset_less=True)
        for index, name in enumerate(COUNTERS):
            remaining = Signal(16, name=f"remaining_{name}", reset_less=True)
            last_index = Signal.like(remaining, name=f"last_index_{name}")
            with m.If(switch):
                m.d.sync += [
                    last_index.eq(following.last_index[index]),
                    remaining.eq(following.last_index[index]),
                    at_last[index].eq(following.last_index[index] == 0),
                ]
            with m.Elif(issue & _inner_wrap(at_last, index)):
                m.d.sync += [
                    remaining.eq(Mux(at_last[index], last_index, remaining - 1)),
                    at_last[index].eq(Mux(at_last[index], last_index == 0, remaining == 1)),
                ]
        return at_last

    def _active(self, m: Module, following: data.View, enter: Signal) -> data.View:
        """Hold settings and addresses from ``enter`` on, one cycle after the stage's switch."""
        active = Signal.like(following, name="active", reset_less=True)
        with m.If(enter):
            m.d.sync += active.eq(following)
        for name in ("shift", "bias_shift", "activation", "use_bias", "unit_weight", "to_results"):
            m.d.comb += self.term[name].eq(active[name])
        return active

    def _selected_steps(self, m: Module, active: data.View, advance: Value) -> dict[str, Value]:
        """Return what each address gains: the step of the one counter that advanced, or nothing."""
        moved = delayed(m, advance, 1)
        selected: dict[str, Value] = {}
        for name in address_widths(self.engine):
            step: Value = Const(0)
            for counter, candidate in zip(moved, active[f"{name}_step"], strict=False):
                step |= Mux(counter, candidate, 0)
            selected[name] = step
        return selected

    def _remembered_steps(self, m: Module, slot: Signal, advance: Value) -> dict[str, Value]:
        """Return the same from a memory."""
        m.submodules.steps = memory = StepMemory(self.engine)
        m.d.comb += [
            memory.program_write.eq(self.program_write),
            memory.slot.eq(slot),
            memory.advance.eq(advance),
        ]
        selected: dict[str, Value] = {}
        for name in address_widths(self.engine):
            counters = advance[: HALFWORDS[f"{name}_step"][1]]
            selected[name] = Mux(delayed(m, counters.any(), 1), getattr(memory, name), 0)
        return selected


def _inner_wrap(at_last: Signal, index: int) -> Value:
    """Whether every counter inside one is in its last iteration."""
    inner = at_last[index + 1 :]
    return inner.all() if len(inner) else Const(1)


def _padding_to(slots: int, last_k: Value) -> Value:
    """Return what ``last_k + 1`` terms fall short of so many slots."""
    return Mux(last_k < slots - 1, slots - 1 - last_k, 0) if slots > 1 else Const(0)


def uses_table(settings: data.View) -> Value:
    """Whether a term or descriptor belongs to a stage with sine or tanh."""
    return settings.activation[1]
