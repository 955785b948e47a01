"""Perturbation unit: streams parameters through ``sat(w + sign * epsilon_raw * u)``."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, Signature

from tenzo.hw.delay import delayed
from tenzo.hw.interface import parameter_index_width
from tenzo.hw.lfsr import Lfsr
from tenzo.sw.device import Distribution
from tenzo.sw.engine import EngineParameters

DONE_CYCLES = 4
"""Cycles from the start of a request of no steps to its end; every step adds one."""

PATCH_CYCLES = DONE_CYCLES + 2
"""Cycles of a patch, whatever the number of parameters: one is restored, one perturbed."""

SIGN_NONE = 0
SIGN_MINUS = 2


class PerturbationLayout(data.StructLayout):
    """The part of a query that the perturbation unit needs, coded as in the query.

    With ``patch``, which only a one-hot or unperturbed query may have, ``restore`` and ``first``
    are streamed instead of all parameters: the bank is a copy of the masters but for ``restore``.
    """

    def __init__(self, engine: EngineParameters) -> None:
        index = parameter_index_width(engine)
        super().__init__(
            {
                "distribution": 2,
                "bits": 4,
                "sign": 2,
                "seed": engine.lfsr.width,
                "epsilon_raw": engine.weight.width - 1,
                "first": index,
                "last": index,
                "patch": 1,
                "restore": index,
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


def perturbation_signature(engine: EngineParameters) -> Signature:
    """Return the ports of a perturbation unit, explained in :class:`Perturbation`."""
    return Signature(
        {
            "i": In(stream.Signature(PerturbationLayout(engine))),
            "weight_count": In(16),
            "bias_count": In(16),
            "read": Out(ParameterAddressLayout()),
            "read_data": In(signed(engine.weight.width)),
            "o": Out(PerturbedLayout(engine)),
            "saturated": Out(1),
        }
    )


class Perturbation(wiring.Component):
    """Bit-serial perturbation of parameters, weights first, then biases.

    Computes ``o = sat(w + sign * epsilon_raw * u)`` for parameters in ``[first, last)``, else
    ``o = w``. u comes from the LFSR, most significant bit first: ``e = e +- epsilon_raw`` a bit, or
    ``e = 2e +- epsilon_raw`` for the uniform distribution; u is 1 for a one-hot query. No
    multiplier.

    All parameters are streamed: one takes one cycle outside the range, ``bits`` cycles inside (one
    for Rademacher). A patch streams two of them, in two cycles. A request is accepted when its last
    write is on ``o``, which is ``steps + 4`` cycles after it came, ``steps`` being the cycles of
    its parameters: 6 cycles for a patch. The next one may start in the cycle after. Writes are
    never held back.

    On ECP5 the default engine's takes at most 180 LUT4, 44 CCU2C and 185 flip-flops besides its
    LFSR.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    i : ``In(stream.Signature(PerturbationLayout(engine)))``
        Requests. ``ready`` is a pulse at the end of the work.
    weight_count, bias_count : ``In(16)``
        Parameters to stream. Constant while there is a request.
    read : ``Out(ParameterAddressLayout())``
        Address of the next parameter.
    read_data : ``In(signed(weight width))``
        Its value, one cycle later.
    o : ``Out(PerturbedLayout(engine))``
        Perturbed parameters.
    saturated : ``Out(1)``
        The parameter on ``o`` has left the format and was clamped.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        super().__init__(perturbation_signature(engine))

    def elaborate(self, platform: object) -> Module:
        """Build the control, the bit-serial offset and the saturator."""
        m = Module()
        request = self.i.payload
        pending = Signal()  # started and not done
        start = Signal()
        m.d.comb += start.eq(self.i.valid & ~pending)
        m.d.sync += pending.eq((pending | start) & ~self.i.ready)

        streaming = Signal()
        inside = Signal()  # this cycle draws a bit
        bit_index = Signal(range(self.engine.max_bits))
        following_bit = Signal(range(self.engine.max_bits + 1))
        last_bit = Signal()
        single = request.distribution == Distribution.RADEMACHER
        m.d.comb += [
            following_bit.eq(bit_index + 1),
            last_bit.eq(~inside | single | (following_bit == request.bits)),
        ]
        with m.If(streaming):
            m.d.sync += bit_index.eq(Mux(last_bit, 0, following_bit))
        finish = self._addresses(m, start, streaming, last_bit, inside)
        offset = self._offset(m, start, streaming & inside, bit_index)
        self._saturator(m, offset, streaming & last_bit, inside, finish)
        return m

    def _addresses(
        self, m: Module, start: Signal, streaming: Signal, last_bit: Signal, inside: Signal
    ) -> Signal:
        """Step through addresses; return the pulse of the last step, or of nothing to do."""
        request = self.i.payload
        index = Signal.like(request.first, reset_less=True)  # weights, then biases
        following, total = Signal.like(index), Signal.like(index)
        restoring = Signal()  # the first step of a patch
        finish = Signal()
        perturbs = request.sign != SIGN_NONE
        m.d.comb += [following.eq(index + 1), total.eq(self.weight_count + self.bias_count)]
        with m.If(start):
            m.d.comb += finish.eq(total == 0)
            m.d.sync += [
                streaming.eq(total != 0),
                index.eq(Mux(request.patch, request.restore, 0)),
                restoring.eq(request.patch),
                inside.eq(~request.patch & (request.first == 0) & (request.last != 0) & perturbs),
            ]
        with m.Elif(streaming & last_bit):
            m.d.comb += finish.eq(Mux(request.patch, ~restoring, following == total))
            m.d.sync += [
                streaming.eq(~finish),
                index.eq(Mux(restoring, request.first, following)),
                restoring.eq(0),
            ]
            with m.If(restoring):
                m.d.sync += inside.eq(perturbs)
            with m.Elif(following == request.last):
                m.d.sync += inside.eq(0)
            with m.Elif(following == request.first):
                m.d.sync += inside.eq(perturbs)
        past_weights = Signal(signed(len(index) + 1))
        m.d.comb += [
            past_weights.eq(index - self.weight_count[: len(index)]),
            self.read.bias.eq(past_weights >= 0),
            self.read.address.eq(Mux(self.read.bias, past_weights[: len(index)], index)),
        ]
        return finish

    def _offset(self, m: Module, start: Signal, draw: Signal, bit_index: Signal) -> Signal:
        """Accumulate ``sign * epsilon_raw * u``, complete in the cycle after the last bit."""
        engine, request = self.engine, self.i.payload
        m.submodules.lfsr = lfsr = Lfsr(engine.lfsr)
        m.d.comb += [lfsr.load.eq(start), lfsr.seed.eq(request.seed), lfsr.advance.eq(draw)]
        offset = Signal(signed(engine.weight.width + engine.max_bits), reset_less=True)
        carried = Signal.like(offset)
        positive = lfsr.bit | (request.distribution == Distribution.ONE_HOT)
        negative = Signal()
        step = Signal(signed(engine.weight.width))
        m.d.comb += [
            negative.eq(positive == (request.sign == SIGN_MINUS)),
            step.eq(Cat(request.epsilon_raw ^ negative.replicate(len(step) - 1), negative)),
        ]
        with m.If(bit_index == 0):
            m.d.comb += carried.eq(0)
        with m.Elif(request.distribution == Distribution.UNIFORM):
            m.d.comb += carried.eq(offset << 1)
        with m.Else():
            m.d.comb += carried.eq(offset)
        # One adder: a step that is negative has its bits inverted, and carries one in.
        with m.If(draw):
            m.d.sync += offset.eq(
                (Cat(negative, carried).as_signed() + Cat(negative, step).as_signed()) >> 1
            )
        return offset

    def _saturator(
        self, m: Module, offset: Signal, emit: Signal, inside: Signal, finish: Signal
    ) -> None:
        """Add the offset to the parameter that was read, clamp and write."""
        low_bits = self.engine.weight.width - 1
        total = Signal(signed(len(offset) + 1), reset_less=True)
        parameter = Signal.like(self.read_data, reset_less=True)
        wanted = Signal.like(offset, reset_less=True)
        negative, high = total[-1], total[low_bits:]
        overflow, clamped = Signal(), Signal(reset_less=True)
        m.d.comb += overflow.eq(high.any() & ~high.all())
        m.d.sync += [
            parameter.eq(self.read_data),
            wanted.eq(Mux(delayed(m, inside, 1, reset_less=True), offset, 0)),
            total.eq(parameter + wanted),
            self.o.data.eq(Mux(overflow, Cat((~negative).replicate(low_bits), negative), total)),
            clamped.eq(overflow),
        ]
        valid = delayed(m, emit, DONE_CYCLES)
        address = self.read.address[: len(self.i.payload.first)]
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.bias.eq(delayed(m, self.read.bias, DONE_CYCLES, reset_less=True)),
            self.o.address.eq(delayed(m, address, DONE_CYCLES, reset_less=True)),
            self.saturated.eq(valid & clamped),
            self.i.ready.eq(delayed(m, finish, DONE_CYCLES)),
        ]
