"""Perturbation unit: streams parameters through ``sat(w + sign * epsilon_raw * u)``."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.delay import delayed
from tenzo.hw.lfsr import Lfsr
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters

DONE_CYCLES = 4
"""Cycles from accepting a request of no steps to ``done``; every step adds one."""

SIGN_NONE = 0
SIGN_MINUS = 2


class PerturbationLayout(data.StructLayout):
    """The part of a query that the perturbation unit needs, coded as in the query."""

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__(
            {
                "distribution": 2,
                "bits": 4,
                "sign": 2,
                "seed": engine.lfsr.width,
                "epsilon_raw": engine.weight.width - 1,
                "first": 16,
                "last": 16,
            }
        )


class ParameterAddressLayout(data.StructLayout):
    """Address of a weight or, with ``bias``, of a bias."""

    def __init__(self) -> None:
        super().__init__({"bias": 1, "address": 16})


class PerturbedLayout(data.StructLayout):
    """A plain write of one perturbed parameter."""

    def __init__(self, engine: EngineParameters) -> None:
        super().__init__(
            {"valid": 1, "bias": 1, "address": 16, "data": signed(engine.weight.width)}
        )


class Perturbation(wiring.Component):
    """Bit-serial perturbation of all parameters, weights first, then biases.

    Computes ``o = sat(w + sign * epsilon_raw * u)`` for parameters in ``[first, last)``, else
    ``o = w``. u comes from the LFSR, most significant bit first: ``e = e +- epsilon_raw`` a bit, or
    ``e = 2e +- epsilon_raw`` for the uniform distribution. No multiplier.

    A parameter takes one cycle outside the range, ``bits`` cycles inside (one for Rademacher). A
    request of ``steps`` cycles in all raises ``done`` ``steps + 4`` cycles after it was accepted,
    together with its last write; the next one is accepted in the cycle after. An empty parameter
    vector raises ``done`` after 4 cycles. Writes are never held back.

    On ECP5 the default engine's takes at most 320 LUT4, 72 CCU2C and 310 flip-flops besides its
    LFSR.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    i : ``In(stream.Signature(PerturbationLayout(engine)))``
        Requests. Accepted when no other is being worked on.
    weight_count, bias_count : ``In(16)``
        Parameters to stream. Constant from request to ``done``.
    read : ``Out(ParameterAddressLayout())``
        Address of the next parameter.
    read_data : ``In(signed(weight width))``
        Its value, one cycle later.
    o : ``Out(PerturbedLayout(engine))``
        Perturbed parameters.
    saturated : ``Out(1)``
        The parameter on ``o`` has left the format and was clamped.
    done : ``Out(1)``
        Pulse: the last parameter is on ``o``.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__(
            {
                "i": In(stream.Signature(PerturbationLayout(engine))),
                "weight_count": In(16),
                "bias_count": In(16),
                "read": Out(ParameterAddressLayout()),
                "read_data": In(signed(engine.weight.width)),
                "o": Out(PerturbedLayout(engine)),
                "saturated": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the control, the bit-serial offset and the saturator."""
        m = Module()
        request = Signal(PerturbationLayout(self.engine), reset_less=True)
        accept = Signal()
        pending = Signal()  # accepted and not done
        m.d.comb += [self.i.ready.eq(~pending), accept.eq(self.i.valid & self.i.ready)]
        with m.If(accept):
            m.d.sync += [request.eq(self.i.payload), pending.eq(1)]
        with m.Elif(self.done):
            m.d.sync += pending.eq(0)

        streaming = Signal()
        inside = Signal()  # this cycle draws a bit
        bit_index = Signal(4)
        last_bit = Signal()
        single = request.distribution == Distribution.RADEMACHER
        m.d.comb += last_bit.eq(~inside | single | (bit_index == request.bits - 1))
        with m.If(streaming):
            m.d.sync += bit_index.eq(Mux(last_bit, 0, bit_index + 1))
        finish = self._addresses(m, accept, streaming, last_bit, inside, request)
        offset = self._offset(m, accept, streaming & inside, request, bit_index)
        self._saturator(m, offset, streaming & last_bit, inside, finish)
        return m

    def _addresses(
        self,
        m: Module,
        accept: Signal,
        streaming: Signal,
        last_bit: Signal,
        inside: Signal,
        request: data.View,
    ) -> Signal:
        """Count addresses; return the pulse of the last step, or of accepting nothing to do."""
        total = Signal(17)
        index = Signal(16, reset_less=True)  # unified address: weights, then biases
        following = Signal(17)
        finish = Signal()
        asked = self.i.payload
        m.d.sync += total.eq(self.weight_count + self.bias_count)
        m.d.comb += following.eq(index + 1)
        with m.If(accept):
            m.d.comb += finish.eq(total == 0)
            m.d.sync += [
                streaming.eq(total != 0),
                index.eq(0),
                self.read.address.eq(0),
                self.read.bias.eq(self.weight_count == 0),
                inside.eq((asked.first == 0) & (asked.last != 0) & (asked.sign != SIGN_NONE)),
            ]
        with m.Elif(streaming & last_bit):
            m.d.comb += finish.eq(following == total)
            m.d.sync += [index.eq(following), self.read.address.eq(self.read.address + 1)]
            with m.If(following == self.weight_count):
                m.d.sync += [self.read.address.eq(0), self.read.bias.eq(1)]
            with m.If(finish):
                m.d.sync += streaming.eq(0)
            with m.If(following == request.last):
                m.d.sync += inside.eq(0)
            with m.Elif((following == request.first) & (request.sign != SIGN_NONE)):
                m.d.sync += inside.eq(1)
        return finish

    def _offset(
        self,
        m: Module,
        accept: Signal,
        draw: Signal,
        request: data.View,
        bit_index: Signal,
    ) -> Signal:
        """Accumulate ``sign * epsilon_raw * u``, complete in the cycle after the last bit."""
        engine = self.engine
        m.submodules.lfsr = lfsr = Lfsr(engine.lfsr)
        m.d.comb += [
            lfsr.load.eq(accept),
            lfsr.seed.eq(self.i.payload.seed),
            lfsr.advance.eq(draw),
        ]
        offset = Signal(signed(engine.weight.width + engine.max_bits), reset_less=True)
        carried = Signal.like(offset)
        step = Signal(signed(engine.weight.width))
        negative = lfsr.bit == (request.sign == SIGN_MINUS)
        m.d.comb += step.eq(Mux(negative, -request.epsilon_raw, request.epsilon_raw))
        with m.If(bit_index == 0):
            m.d.comb += carried.eq(0)
        with m.Elif(request.distribution == Distribution.UNIFORM):
            m.d.comb += carried.eq(offset << 1)
        with m.Else():
            m.d.comb += carried.eq(offset)
        with m.If(draw):
            m.d.sync += offset.eq(carried + step)
        return offset

    def _saturator(
        self, m: Module, offset: Signal, emit: Signal, inside: Signal, finish: Signal
    ) -> None:
        """Add the offset to the parameter that was read, clamp and write."""
        weight = self.engine.weight
        total = Signal(signed(len(offset) + 1), reset_less=True)
        parameter = Signal.like(self.read_data, reset_less=True)
        wanted = Signal.like(offset, reset_less=True)
        m.d.sync += [
            parameter.eq(self.read_data),
            wanted.eq(Mux(delayed(m, inside, 1, reset_less=True), offset, 0)),
            total.eq(parameter + wanted),
            self.o.data.eq(
                Mux(
                    total > weight.max_raw,
                    weight.max_raw,
                    Mux(total < weight.min_raw, weight.min_raw, total),
                )
            ),
        ]
        valid = delayed(m, emit, DONE_CYCLES)
        overflow = Signal()
        m.d.comb += overflow.eq((total > weight.max_raw) | (total < weight.min_raw))
        clamped = Signal(reset_less=True)
        m.d.sync += clamped.eq(overflow)
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.bias.eq(delayed(m, self.read.bias, DONE_CYCLES, reset_less=True)),
            self.o.address.eq(delayed(m, self.read.address, DONE_CYCLES, reset_less=True)),
            self.saturated.eq(valid & clamped),
            self.done.eq(delayed(m, finish, DONE_CYCLES)),
        ]
