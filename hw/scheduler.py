"""Scheduler: takes queries through perturbation, computation and read-out."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tenzo.hw.copies import Copies
from tenzo.hw.delay import delayed
from tenzo.hw.interface import QueryLayout
from tenzo.hw.perturbation import SIGN_NONE, PerturbationLayout
from tenzo.hw.saturations import FLUSH_CYCLES
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters
from tenzo.sw.packets import MAX_OUTSTANDING_QUERIES
from tenzo.sw.timing import drain_cycles

RUN_FIELDS = ("entry", "stop", "active_lanes", "sample_base")


class RunLayout(data.StructLayout):
    """The part of a query that is needed when its parameters are ready."""

    def __init__(self, engine: EngineParameters) -> None:
        members = QueryLayout(engine).members
        super().__init__({name: members[name] for name in RUN_FIELDS})


class Scheduler(wiring.Component):
    """Pipeline of queries over two pairs of working banks and two result buffers.

        query -> queue -> perturbation, if a pair is free
                       -> run, if the engine and a result buffer are free
                       -> results, until released

    Queries stay in order. A one-hot or unperturbed query that gets a pair which differs from the
    masters in one address at most is a patch: two parameters are written, not all of them. It can
    start 7 cycles after it has come, instead of ``weight_count + bias_count + 5``, and its result
    is the same; :class:`tenzo.hw.copies.Copies` knows which pairs do. An engine with ``max_bits =
    1`` has no patches.

    ``start`` comes one cycle after the end of the perturbation and after ``finished`` at the
    earliest; ``result_ready`` comes ``FLUSH_CYCLES`` after ``finished``, when all counters are up
    to date. The queue holds three queries, the one that is being perturbed included; a further one
    waits in ``query``. If ``compact``, it holds one.

    On ECP5 the default engine's takes at most 120 LUT4, 8 CCU2C and 120 flip-flops besides its
    queue and the tags of the pairs.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    compact : :class:`bool`
        Queue one query: enough where a packet takes longer than a perturbation.

    Members
    -------
    query : ``In(stream.Signature(QueryLayout(engine)))``
        Queries.
    perturbation : ``Out(stream.Signature(PerturbationLayout(engine)))``
        To the perturbation unit, which takes a query when it is done with it.
    stale : ``In(1)``
        The master parameters or their counts change. Only while no query is outstanding.
    filling, computing : ``Out(1)``
        Pair of banks that is being filled; pair that the engine reads.
    hold : ``In(1)``
        Start no program.
    start : ``Out(1)``
        Pulse: run a program.
    run : ``Out(RunLayout(engine))``
        Its settings, constant until its last write.
    program_end : ``In(1)``
        The last issue slot of the program.
    draining : ``Out(1)``
        Cycles after the last issue slot up to the last write.
    finished : ``Out(1)``
        Pulse: the last write.
    write_half, read_half : ``Out(1)``
        Result buffer to write; result buffer of the oldest unreleased query.
    result_ready : ``Out(1)``
        That query has finished.
    result_release : ``In(1)``
        Pulse: its results are no longer needed. Only while ``result_ready`` is high.
    perturb_wait, link_stall : ``Out(1)``
        The engine is idle and waits for parameters; for a result buffer.
    """

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self.engine = engine
        self.queue_depth = 1 if compact else MAX_OUTSTANDING_QUERIES
        super().__init__(
            {
                "query": In(stream.Signature(QueryLayout(engine))),
                "perturbation": Out(stream.Signature(PerturbationLayout(engine))),
                "stale": In(1),
                "filling": Out(1),
                "computing": Out(1),
                "hold": In(1),
                "start": Out(1),
                "run": Out(RunLayout(engine)),
                "program_end": In(1),
                "draining": Out(1),
                "finished": Out(1),
                "write_half": Out(1),
                "read_half": Out(1),
                "result_ready": Out(1),
                "result_release": In(1),
                "perturb_wait": Out(1),
                "link_stall": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count what is in each stage of the pipeline."""
        m = Module()
        idle = Signal(init=1)  # the engine
        pairs_used = Signal(range(3))  # full, or in use
        pairs_ready = Signal(range(3))  # full, not yet in use
        buffers_used = Signal(range(3))  # being written, or unreleased
        perturbed = self.perturbation.valid & self.perturbation.ready
        waiting = self._perturb(m, pairs_used, perturbed)
        ready = pairs_ready != 0
        buffer_free = buffers_used != 2
        m.d.comb += [
            self.start.eq(idle & ready & buffer_free & ~self.hold),
            self.perturb_wait.eq(idle & ~ready & waiting),
            self.link_stall.eq(idle & ready & ~buffer_free),
        ]
        _count(m, pairs_used, perturbed, self.finished)
        _count(m, pairs_ready, perturbed, self.start)
        _count(m, buffers_used, self.start, self.result_release)
        with m.If(self.start):
            m.d.sync += idle.eq(0)
        with m.Elif(self.finished):
            m.d.sync += idle.eq(1)
        self._drain(m)
        m.d.sync += [
            self.filling.eq(self.filling ^ perturbed),
            self.computing.eq(self.computing ^ self.finished),
            self.write_half.eq(self.write_half ^ self.finished),
            self.read_half.eq(self.read_half ^ self.result_release),
        ]
        results = Signal(range(3))
        _count(m, results, delayed(m, self.finished, FLUSH_CYCLES - 1), self.result_release)
        m.d.comb += self.result_ready.eq(results != 0)
        return m

    def _perturb(self, m: Module, pairs_used: Signal, perturbed: Value) -> Signal:
        """Queue queries, hand them to the perturbation unit; return whether there is one."""
        layout = QueryLayout(self.engine)
        m.submodules.queue = queue = SyncFIFO(width=layout.size, depth=self.queue_depth)
        query = data.View(layout, queue.r_data)
        runs = [
            Signal(RunLayout(self.engine), name=f"run_{pair}", reset_less=True) for pair in (0, 1)
        ]
        m.d.comb += [
            queue.w_data.eq(self.query.payload),
            queue.w_en.eq(self.query.valid),
            self.query.ready.eq(queue.w_rdy),
            self.perturbation.valid.eq(queue.r_rdy & (pairs_used != 2)),
            queue.r_en.eq(perturbed),
        ]
        self._request(m, query, perturbed)
        for name in RUN_FIELDS:
            m.d.comb += self.run[name].eq(Mux(self.computing, runs[1][name], runs[0][name]))
            for pair, run in enumerate(runs):
                with m.If(perturbed & (self.filling == pair)):
                    m.d.sync += run[name].eq(query[name])
        return queue.r_rdy

    def _request(self, m: Module, query: data.View, perturbed: Value) -> None:
        """Ask for a stream of all parameters, or for a patch where that gives the same."""
        request = self.perturbation.payload
        for name in request.shape().members:
            if name in query.shape().members:
                m.d.comb += request[name].eq(query[name])
        if self.engine.max_bits == 1:  # its perturbation unit has no patches
            return
        m.submodules.copies = copies = Copies(self.engine)
        single = Signal()  # differs from the masters in one parameter at most
        m.d.comb += [
            single.eq((query.distribution == Distribution.ONE_HOT) | (query.sign == SIGN_NONE)),
            request.patch.eq(single & copies.patched),
            request.restore.eq(copies.address),
            copies.stale.eq(self.stale),
            copies.pair.eq(self.filling),
            copies.filled.eq(perturbed),
            copies.filled_patched.eq(single),
            copies.filled_address.eq(query.first),
        ]

    def _drain(self, m: Module) -> None:
        """Count the cycles from the last issue slot to the last write."""
        left = Signal(range(drain_cycles(self.engine) + 1))
        with m.If(self.program_end):
            m.d.sync += left.eq(drain_cycles(self.engine))
        with m.Elif(self.draining):
            m.d.sync += left.eq(left - 1)
        m.d.comb += [self.draining.eq(left != 0), self.finished.eq(left == 1)]


def _count(m: Module, count: Signal, up: object, down: object) -> None:
    """Count up and down, both at once if need be."""
    m.d.sync += count.eq(count + up - down)
