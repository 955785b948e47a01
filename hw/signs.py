"""Perturbation by one random sign a parameter: the small unit of engines that draw no more."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.utils import ceil_log2

from tenzo.hw.delay import delayed
from tenzo.hw.lfsr import Lfsr
from tenzo.hw.perturbation import (
    DONE_CYCLES,
    SIGN_MINUS,
    SIGN_NONE,
    Perturbation,
    perturbation_signature,
)
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters


class SignPerturbation(wiring.Component):
    """Perturbation of parameters by ``+-epsilon_raw``, weights first, then biases.

    Computes what :class:`Perturbation` computes where one bit is drawn for a parameter: Rademacher
    signs, the other distributions with one bit, and one-hot queries. There are no patches: every
    request streams all parameters, one a clock cycle, and is accepted when its last write is on
    ``o``, which is ``parameters + 4`` cycles after it came, or one cycle if there are none.

    On ECP5 the default engine's takes at most 100 LUT4, 24 CCU2C and 130 flip-flops besides its
    LFSR.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters, with ``max_bits = 1``.

    Members
    -------
    See :class:`Perturbation`. ``patch`` and ``restore`` of a request are ignored.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        self._depth = max(engine.weight_depth, engine.bias_depth)
        super().__init__(perturbation_signature(engine))

    def elaborate(self, platform: object) -> Module:
        """Build the control, the adder and the saturator."""
        m = Module()
        streaming, start = Signal(), Signal()
        pending = Signal()  # started and not done
        m.d.comb += start.eq(self.i.valid & ~pending)
        m.d.sync += pending.eq((pending | start) & ~self.i.ready)
        inside = self._step(m, start, streaming)
        self._values(m, start, streaming & inside)
        under_way = [streaming]
        for _ in range(DONE_CYCLES - 1):
            under_way.append(delayed(m, under_way[-1], 1))
        address = self.read.address[: ceil_log2(self._depth)]
        m.d.comb += [
            self.o.valid.eq(delayed(m, under_way[-1], 1)),
            self.o.bias.eq(delayed(m, self.read.bias, DONE_CYCLES, reset_less=True)),
            self.o.address.eq(delayed(m, address, DONE_CYCLES, reset_less=True)),
            self.i.ready.eq(pending & ~Cat(under_way).any()),
        ]
        return m

    def _step(self, m: Module, start: Signal, streaming: Signal) -> Signal:
        """Count parameters; return whether the present one is in the range.

        The start is a step from nowhere to parameter 0.
        """
        request = self.i.payload
        # Both stand at 0 between requests, reset or not: the flip-flops' reset inputs do that.
        index = Signal.like(request.first, reset_less=True)  # weights, then biases
        address = Signal(range(self._depth), reset_less=True)  # within its kind
        following = Signal.like(index)
        next_address = Signal(range(self._depth + 1))
        inside, ends, finish = Signal(), Signal(), Signal()
        bias, biases = self.read.bias, self.bias_count[: len(next_address)]
        m.d.comb += [
            following.eq(index + streaming),
            next_address.eq(address + streaming),
            ends.eq(next_address == Mux(bias, biases, self.weight_count[: len(next_address)])),
            finish.eq(ends & (bias | (biases == 0))),
            self.read.address.eq(address),
        ]
        step = start | streaming
        m.d.sync += [
            index.eq(Mux(~step | finish, 0, following)),
            address.eq(Mux(~step | ends, 0, next_address)),
        ]
        with m.If(step):
            m.d.sync += [
                streaming.eq(~finish),
                bias.eq((bias | ends) & ~finish),
            ]
            with m.If(finish | (following == request.last)):
                m.d.sync += inside.eq(0)
            with m.Elif(following == request.first):
                m.d.sync += inside.eq(request.sign != SIGN_NONE)
        return inside

    def _values(self, m: Module, start: Value, draw: Value) -> None:
        """Add the signed step to the parameter that was read, clamp."""
        engine, request = self.engine, self.i.payload
        m.submodules.lfsr = lfsr = Lfsr(engine.lfsr)
        m.d.comb += [lfsr.load.eq(start), lfsr.seed.eq(request.seed), lfsr.advance.eq(draw)]
        positive = lfsr.bit | (request.distribution == Distribution.ONE_HOT)
        down = draw & (positive == (request.sign == SIGN_MINUS))
        drawn, down = (delayed(m, flag, 2, reset_less=True) for flag in (draw, down))
        low_bits = engine.weight.width - 1
        parameter = Signal.like(self.read_data, reset_less=True)
        total = Signal(engine.weight.width + 1, reset_less=True)
        magnitude = Mux(drawn, request.epsilon_raw, 0)
        step = Cat(magnitude ^ down.replicate(low_bits), down).as_signed()
        overflow, clamped = Signal(), Signal(reset_less=True)
        negative = total[-1]
        limit = Cat((~negative).replicate(low_bits), negative)
        # One adder: a step that is negative has its bits inverted, and carries one in.
        added = (Cat(Const(1, 1), parameter).as_signed() + Cat(down, step).as_signed()) >> 1
        m.d.comb += overflow.eq(total[-1] ^ total[-2])
        m.d.sync += [
            parameter.eq(self.read_data),
            total.eq(added),
            self.o.data.eq(Mux(overflow, limit, total)),
            clamped.eq(overflow),
        ]
        m.d.comb += self.saturated.eq(self.o.valid & clamped)


def perturbation_unit(engine: EngineParameters) -> Perturbation | SignPerturbation:
    """Return the smallest unit that draws as many bits as the engine needs."""
    return SignPerturbation(engine) if engine.max_bits == 1 else Perturbation(engine)
