"""Perturbation by one random sign a parameter: the small unit of engines that draw no more."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring

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
    ``o``, which is ``parameters + 4`` cycles after it came.

    On ECP5 the default engine's takes at most 110 LUT4, 28 CCU2C and 110 flip-flops besides its
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
        super().__init__(perturbation_signature(engine))

    def elaborate(self, platform: object) -> Module:
        """Build the control, the adder and the saturator."""
        m = Module()
        streaming, start, finish = Signal(), Signal(), Signal()
        pending = Signal()  # started and not done
        m.d.comb += start.eq(self.i.valid & ~pending)
        m.d.sync += pending.eq((pending | start) & ~self.i.ready)
        inside = self._step(m, start | streaming, finish)
        with m.If(start | streaming):
            m.d.sync += streaming.eq(~finish)
        self._values(m, start, streaming & inside)
        self._writes(m, streaming, finish)
        return m

    def _step(self, m: Module, step: Value, finish: Signal) -> Signal:
        """Count parameters; return whether the present one is in the range.

        Before the first step all counters stand at -1, so it is like any other.
        """
        request = self.i.payload
        index = Signal.like(request.first, init=-1)  # weights, then biases
        address = Signal.like(index)  # within its kind
        following, next_address = Signal.like(index), Signal.like(index)
        inside, ends = Signal(), Signal()
        bias = self.read.bias
        count = Mux(bias, self.bias_count, self.weight_count)[: len(index)]
        m.d.comb += [
            following.eq(index + 1),
            next_address.eq(address + 1),
            ends.eq(next_address == count),
            finish.eq(step & ends & (bias | (self.bias_count == 0))),
            self.read.address.eq(address),
        ]
        with m.If(finish):
            m.d.sync += [index.eq(-1), address.eq(-1), bias.eq(0), inside.eq(0)]
        with m.Elif(step):
            m.d.sync += [
                index.eq(following),
                address.eq(Mux(ends, 0, next_address)),
                bias.eq(bias | ends),
            ]
            with m.If(following == request.last):
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

    def _writes(self, m: Module, streaming: Value, finish: Value) -> None:
        """Count addresses once more where they are written, instead of delaying them."""
        valid = delayed(m, streaming, DONE_CYCLES - 1)
        bias = delayed(m, self.read.bias, DONE_CYCLES - 1, reset_less=True)
        written = Signal.like(self.i.payload.first, reset_less=True)
        again = self.o.valid & (bias == self.o.bias)
        m.d.sync += [
            self.o.valid.eq(valid),
            self.o.bias.eq(bias),
            written.eq(Mux(again, written + 1, 0)),
        ]
        m.d.comb += [
            self.o.address.eq(written),
            self.i.ready.eq(delayed(m, finish, DONE_CYCLES)),
        ]


def perturbation_unit(engine: EngineParameters) -> Perturbation | SignPerturbation:
    """Return the smallest unit that draws as many bits as the engine needs."""
    return SignPerturbation(engine) if engine.max_bits == 1 else Perturbation(engine)
