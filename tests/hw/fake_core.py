"""Link and controller around a core in Python, for tests of packets."""

import random
from collections import deque
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, flipped

from tenzo.hw.controller import Controller
from tenzo.hw.interface import RESULT_LATENCY, TALLY_LATENCY, CoreSignature, word_stream
from tenzo.hw.link import Link
from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.core_model import CoreModel, IntArray
from tenzo.sw.packets import COUNTER_WORDS
from tests.hw.word_streams import Stalls, receive, send, simulate


class Front(wiring.Component):
    """Link and controller, the core left open."""

    i: Any
    o: Any
    core: Any

    def __init__(self, engine: EngineParameters) -> None:
        self._engine = engine
        super().__init__(
            {"i": In(word_stream()), "o": Out(word_stream()), "core": In(CoreSignature(engine))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = Link()
        m.submodules.controller = controller = Controller(self._engine)
        wiring.connect(m, flipped(self.i), link.i)
        wiring.connect(m, link.o, flipped(self.o))
        wiring.connect(m, link.packet, controller.packet)
        wiring.connect(m, controller.response, link.response)
        wiring.connect(m, controller.core, flipped(self.core))
        m.d.comb += [
            link.payload_address.eq(controller.payload_address),
            controller.payload_data.eq(link.payload_data),
            link.response_write.eq(controller.response_write),
        ]
        return m


class FakeCore:
    """A :class:`CoreModel` behind the ports of a core; waits at random where a core may wait."""

    def __init__(self, engine: EngineParameters, ports: Any, seed: int) -> None:
        self.model = CoreModel(engine)
        self._ports = ports
        self._random = random.Random(seed)
        self._results: deque[IntArray] = deque()
        self._running = 0
        self._clearing = 0
        self._addresses = deque([(0, 0)] * RESULT_LATENCY, maxlen=RESULT_LATENCY)
        self._tallies = deque([0] * TALLY_LATENCY, maxlen=TALLY_LATENCY)

    async def process(self, ctx: Any) -> None:
        ports = self._ports
        names = ["program_write", "parameter_write", "result_read", "tally_read", "clear"]
        names += ["result_release", "result_ready", "weight_count", "bias_count"]
        sampled = [getattr(ports, name) for name in names]
        streams = [ports.sample_write, ports.query]
        signals = [part for s in streams for part in (s.valid, s.ready, s.payload)]
        async for _, _, *values in ctx.tick().sample(*sampled, *signals):
            now = dict(zip(names, values[: len(names)], strict=True))
            sample_valid, sample_ready, sample, query_valid, query_ready, query = values[-6:]
            self._writes(now, sample if sample_valid and sample_ready else None)
            if query_valid and query_ready:
                fields = {name: query[name] for name in query.shape().members}
                result = self.model.run(fields, now["weight_count"], now["bias_count"])
                self._results.append(result)
            self._reads(ctx, now)

    def _writes(self, now: dict[str, Any], sample: Any) -> None:
        model, program, parameter = self.model, now["program_write"], now["parameter_write"]
        if program.valid:
            model.program[program.address] = program.data
        if parameter.valid:
            bank = model.biases if parameter.bias else model.weights
            bank[parameter.address] = parameter.data
        if sample is not None:
            model.lanes[sample.lane, sample.address] = sample.data

    def _reads(self, ctx: Any, now: dict[str, Any]) -> None:
        """Set all outputs for the next cycle."""
        ports, model = self._ports, self.model
        if now["clear"]:
            self._clearing = self._random.randint(1, 20)
        elif self._clearing:
            self._clearing -= 1
            model.clear()
        if now["result_release"]:
            assert now["result_ready"], "a result was released before it was ready"
            self._results.popleft()
            self._running = self._random.randint(0, 30)
        self._running = max(0, self._running - 1)
        self._addresses.append((now["result_read"].lane, now["result_read"].output))
        self._tallies.append(self._tally(now["tally_read"]))
        lane, output = self._addresses[0]
        if self._results and self._results[0].shape[1] > output and len(model.lanes) > lane:
            ctx.set(ports.result_data, int(self._results[0][lane, output]))
        ctx.set(ports.tally_data, self._tallies[0])
        ctx.set(ports.clear_busy, self._clearing > 0)
        ctx.set(ports.result_ready, bool(self._results) and not self._running)
        ctx.set(ports.sample_write.ready, self._random.random() < 0.7)
        ctx.set(ports.query.ready, self._random.random() < 0.7)

    def _tally(self, read: Any) -> int:
        """Return a count, or what nobody may look at."""
        if not read.valid:
            return self._random.getrandbits(32)
        if read.is_counter:
            return self.model.counters[COUNTER_WORDS[read.index]]
        return self.model.saturations[read.index]


def exchange(
    engine: EngineParameters,
    packets: list[list[int]],
    seed: int = 0,
    send_stalls: Stalls | None = None,
    receive_stalls: Stalls | None = None,
) -> tuple[list[list[int]], CoreModel]:
    """Send packets through link and controller; return the responses and the core's state."""
    front = Front(engine)
    core = FakeCore(engine, front.core, seed)
    responses: list[list[int]] = []

    async def source(ctx: Any) -> None:
        for packet in packets:
            await send(ctx, front.i, packet, send_stalls)

    async def sink(ctx: Any) -> None:
        for _ in packets:
            responses.append(await receive(ctx, front.o, receive_stalls))

    simulate(front, source, sink, processes=[core.process])
    return responses, core.model
