"""The compute core: everything but packets."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from tenzo.hw.banks import ParameterBanks
from tenzo.hw.cluster import Cluster, clusters
from tenzo.hw.counters import Counters, EventsLayout
from tenzo.hw.interface import CoreSignature
from tenzo.hw.perturbation import Perturbation
from tenzo.hw.pipeline import Pipeline
from tenzo.hw.results import Results
from tenzo.hw.saturations import Saturations
from tenzo.hw.scheduler import Scheduler
from tenzo.hw.sequencer import Sequencer
from tenzo.hw.signs import SignPerturbation, perturbation_unit
from tenzo.hw.tallies import Tallies
from tenzo.sw.engine import EngineParameters


class Core(wiring.Component):
    """Banks, perturbation, sequencer, lanes, results and counters.

    ::

        query -> scheduler -> perturbation -> working banks --weights--+
                     |                                                 v
                     +------> sequencer ---terms----------------> pipeline -> clusters -> results

    A program takes exactly the cycles that :mod:`tenzo.sw.timing` counts, from its first issue slot
    to its last write. Perturbation of the next query, sample writes and result reads go on
    meanwhile.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.
    compact : :class:`bool`
        Queue fewer queries, see :class:`Scheduler`, and keep steps in memory, see
        :class:`Sequencer`; ``program_write`` is never valid twice in a row then.

    Members
    -------
    See :class:`tenzo.hw.interface.CoreSignature`.
    """

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self.engine = engine
        self.compact = compact
        self.events = Signal(EventsLayout())  # not a port: for tests, which look inside
        super().__init__(CoreSignature(engine))

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        m = Module()
        engine = self.engine
        m.submodules.scheduler = scheduler = Scheduler(engine, compact=self.compact)
        m.submodules.sequencer = sequencer = Sequencer(engine, compact=self.compact)
        m.submodules.pipeline = pipeline = Pipeline(engine)
        wiring.connect(m, wiring.flipped(self.query), scheduler.query)
        wiring.connect(m, wiring.flipped(self.sample_write), pipeline.sample_write)
        m.d.comb += [
            sequencer.program_write.eq(self.program_write),
            sequencer.start.eq(scheduler.start),
            sequencer.entry.eq(scheduler.run.entry),
            sequencer.stop.eq(scheduler.run.stop),
            sequencer.sample_base.eq(scheduler.run.sample_base),
            scheduler.program_end.eq(sequencer.term.program_end),
            scheduler.result_release.eq(self.result_release),
            self.result_ready.eq(scheduler.result_ready),
            pipeline.term.eq(sequencer.term),
            pipeline.result_half.eq(scheduler.write_half),
        ]
        perturbation = self._parameters(m, scheduler, sequencer, pipeline)
        lanes = self._lanes(m, scheduler, pipeline)
        m.submodules.counters = counters = Counters()
        self._tallies(m, scheduler, counters, self._saturations(m, scheduler, sequencer, lanes))
        m.d.comb += [
            self.events.run_cycles.eq(sequencer.running | scheduler.draining),
            self.events.mac_cycles.eq(sequencer.term.valid),
            self.events.queries.eq(scheduler.finished),
            self.events.weight_saturations.eq(perturbation.saturated),
            self.events.perturb_wait_cycles.eq(scheduler.perturb_wait),
            self.events.load_wait_cycles.eq(self.sample_write.valid & ~self.sample_write.ready),
            self.events.link_stall_cycles.eq(scheduler.link_stall),
            counters.events.eq(self.events),
            counters.clear.eq(self.clear),
        ]
        return m

    def _parameters(
        self, m: Module, scheduler: Scheduler, sequencer: Sequencer, pipeline: Pipeline
    ) -> Perturbation | SignPerturbation:
        """Build banks and perturbation unit."""
        m.submodules.banks = banks = ParameterBanks(self.engine)
        m.submodules.perturbation = perturbation = perturbation_unit(self.engine)
        wiring.connect(m, scheduler.perturbation, perturbation.i)
        m.d.comb += [
            perturbation.weight_count.eq(self.weight_count),
            perturbation.bias_count.eq(self.bias_count),
            perturbation.read_data.eq(banks.master_data),
            scheduler.stale.eq(self.configure | self.parameter_write.valid),
            banks.master_write.eq(self.parameter_write),
            banks.master_read.eq(perturbation.read),
            banks.working_write.eq(perturbation.o),
            banks.filling.eq(scheduler.filling),
            banks.computing.eq(scheduler.computing),
            banks.weight_address.eq(sequencer.term.weight_address),
            banks.bias_address.eq(sequencer.term.bias_address),
            pipeline.weight.eq(banks.weight),
            pipeline.bias.eq(banks.bias),
        ]
        return perturbation

    def _lanes(self, m: Module, scheduler: Scheduler, pipeline: Pipeline) -> list[Cluster]:
        """Build the clusters and the read port of their results."""
        parts = clusters(self.engine)
        m.submodules.results = results = Results(self.engine, len(parts))
        m.d.comb += [
            results.read.eq(self.result_read),
            results.half.eq(scheduler.read_half),
            self.result_data.eq(results.data),
        ]
        for index, part in enumerate(parts):
            m.submodules[f"cluster_{index}"] = part
            m.d.comb += [
                part.control.eq(pipeline.o),
                part.active_lanes.eq(scheduler.run.active_lanes),
                part.result_group.eq(results.group),
                part.result_address.eq(results.address),
                results.cluster_data[index].eq(part.result_data),
            ]
        return parts

    def _saturations(
        self, m: Module, scheduler: Scheduler, sequencer: Sequencer, parts: list[Cluster]
    ) -> Saturations:
        """Build the count of saturations."""
        most = max(part.group_count for part in parts)
        m.submodules.saturations = saturations = Saturations(self.engine, len(parts), most)
        for index, part in enumerate(parts):
            m.d.comb += saturations.counts[index].eq(part.saturations)
        m.d.comb += [
            saturations.stage_start.eq(sequencer.term.stage_start),
            saturations.program_start.eq(sequencer.term.program_start),
            saturations.program_end.eq(sequencer.term.program_end),
            saturations.entry.eq(scheduler.run.entry),
        ]
        if self.engine.table_rounds > 1:
            term = sequencer.term
            m.d.comb += saturations.output_end.eq(term.valid & term.last)
        return saturations

    def _tallies(
        self, m: Module, scheduler: Scheduler, counters: Counters, saturations: Saturations
    ) -> None:
        """Build the memory of all counts; no program starts before they are zero."""
        m.submodules.tallies = tallies = Tallies(self.engine)
        m.d.comb += [
            tallies.pending.eq(counters.pending),
            counters.take.eq(tallies.take),
            tallies.flush.eq(saturations.flush),
            tallies.read.eq(self.tally_read),
            tallies.clear.eq(self.clear),
            self.tally_data.eq(tallies.read_data),
            self.clear_busy.eq(tallies.busy),
            scheduler.hold.eq(tallies.busy),
        ]
