"""The engine: packets in, packets out. Start reading the gateware here."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, Signature, flipped

from tenzo.hw.controller import Controller
from tenzo.hw.core import Core
from tenzo.hw.interface import word_stream
from tenzo.hw.link import Link
from tenzo.sw.engine import EngineParameters

ENGINE_SIGNATURE = Signature({"i": In(word_stream()), "o": Out(word_stream())})
"""Ports of every engine."""


class Engine(wiring.Component):
    """Engine that evaluates tensor-train networks under perturbed weights.

    A host loads a stage program, weights and samples, one sample into each lane. A query names a
    seed; the engine perturbs all weights by the stream of that seed, runs the program and keeps the
    outputs of every lane for the host, which computes losses and the next weights. Networks and
    programs are data: one bitstream runs any network that fits its memories. ::

        i ---> Link ---> Controller ----+--------------+------------------+
        o <--- (CRC) <-- (checks)       | query        | program, samples | weights
               receiver  decoder        v              v                  v
               sender    writer     Scheduler ---> Sequencer        ParameterBanks (master)
                         reader         |              |                  |
                           ^            +-----------------------> Perturbation: w + sign*eps*u(seed)
                           |                           |                  v
                           |                 addresses |            ParameterBanks (working)
                           |                           v                  | one weight a cycle,
                           |                       Pipeline <-------------+ for all lanes
                           |                           v
                           +--- Results <--- Cluster: lanes of memory, multiplier, accumulator;
                                             each group of lanes shares a Requantizer

    Where to read on, in the order in which a query passes through:

    ====================================  ==========================================================
    :mod:`tenzo.sw.packets`               the words on ``i`` and ``o``, the one definition of them
    :class:`tenzo.hw.link.Link`           packets from words, words from responses, CRC
    :class:`~.controller.Controller`      refuses or executes each packet, and answers it
    :class:`tenzo.hw.core.Core`           everything below, wired together; knows no packets
    :class:`~.scheduler.Scheduler`        up to three queries; perturbs one while another runs
    :class:`~.perturbation.Perturbation`  streams the weights once per query and adds the noise
    :mod:`tenzo.sw.program`               what a stage is and how a descriptor encodes it
    :class:`~.sequencer.Sequencer`        six nested counters of a descriptor, one term a cycle
    :class:`~.lane.Lane`                  one sample's memory, one multiplier, one accumulator
    :mod:`tenzo.sw.timing`                how many cycles all of that takes, to the cycle
    ====================================  ==========================================================

    :class:`tenzo.sw.link.endpoint.Endpoint` is the same in plain Python, packet by packet.

    Throughput is one multiply-accumulate per lane and clock cycle. Both streams obey back-pressure:
    the engine accepts no word while it executes a packet, and loses none while the host does not
    read. There is one clock domain, ``sync``; reset clears control and valid flags, and no result
    depends on what memories hold at start.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Formats, lanes and memory sizes.
    compact : :class:`bool`
        Take less logic: for a link on which a word lasts 32 clock cycles or more. All numbers and
        all counters but those of waiting stay the same.

    Members
    -------
    i : ``In(word_stream())``
        Words of packets, ``last`` on the final one of each.
    o : ``Out(word_stream())``
        Words of responses: one response for each packet, in order.
    """

    i: Any
    o: Any

    def __init__(self, engine: EngineParameters, *, compact: bool = False) -> None:
        self.engine = engine
        self.compact = compact
        super().__init__(ENGINE_SIGNATURE)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = Link(compact=self.compact)
        m.submodules.controller = controller = Controller(self.engine, compact=self.compact)
        m.submodules.core = core = Core(self.engine, compact=self.compact)
        wiring.connect(m, flipped(self.i), link.i)
        wiring.connect(m, link.packet, controller.packet)
        wiring.connect(m, controller.core, core)
        wiring.connect(m, controller.response, link.response)
        wiring.connect(m, link.o, flipped(self.o))
        m.d.comb += [
            link.payload_address.eq(controller.payload_address),
            controller.payload_data.eq(link.payload_data),
            link.response_write.eq(controller.response_write),
        ]
        return m
