"""Requantizer: rounds, saturates and activates one value a cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.delay import delayed
from tenzo.sw.formats import RESULT_WIDTH
from tenzo.sw.program import Activation

REQUANTIZE_CYCLES = 5
"""Cycles from a sum to its result."""


class Requantize(wiring.Component):
    """Rounder, saturator and activation from accumulator to output format.

    Computes ``o = activate(sat((i + half) >> shift))``, round half up, as
    ``(i >> shift) + bit(shift - 1)``. The result has ``width`` bits, or 32 when ``wide`` is set.
    Software twin: :func:`tenzo.sw.formats.requantize`.

        i -> coarse shift -> fine shift -> round -> compare -> saturate, activate -> o

    Throughput is one value per clock cycle, latency five cycles. There is no back-pressure and no
    valid flag.

    On ECP5 the default engine's takes at most 330 LUT4, 24 CCU2C and 225 flip-flops.

    Parameters
    ----------
    accumulator_width : :class:`int`
        Width of the sum in bits, sign included; rounding must not overflow it.
    width : :class:`int`
        Width of a narrow result in bits, sign included, at most 32.

    Members
    -------
    i : ``In(signed(accumulator_width))``
        Sum.
    shift : ``In(6)``
        Bits to drop.
    wide : ``In(1)``
        Saturate to 32 bits.
    activation : ``In(3)``
        A :class:`tenzo.sw.program.Activation`.
    o : ``Out(signed(32))``
        Result, sign-extended.
    saturated : ``Out(1)``
        The rounded value of ``o``, before its activation, has left the format.
    """

    def __init__(self, accumulator_width: int, width: int) -> None:
        self.accumulator_width = accumulator_width
        self.width = width
        super().__init__(
            {
                "i": In(signed(accumulator_width)),
                "shift": In(6),
                "wide": In(1),
                "activation": In(3),
                "o": Out(signed(RESULT_WIDTH)),
                "saturated": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the five stages."""
        m = Module()
        guarded = signed(self.accumulator_width + 1)  # one bit below the unit, for rounding
        coarse = Signal(guarded, reset_less=True)
        fine = Signal(guarded, reset_less=True)
        rounded = Signal(signed(self.accumulator_width), reset_less=True)
        low_shift = Signal(3, reset_less=True)
        m.d.sync += [
            coarse.eq(Cat(0, self.i).as_signed() >> (self.shift & 0b111000)),
            low_shift.eq(self.shift[:3]),
            fine.eq(coarse >> low_shift),
            rounded.eq((fine >> 1) + fine[0]),
        ]
        wide = delayed(m, self.wide, 3, reset_less=True)
        activation = delayed(m, self.activation, 3, reset_less=True)
        self._saturate(m, rounded, wide, activation)
        return m

    def _saturate(self, m: Module, rounded: Signal, wide: Signal, activation: Signal) -> None:
        """Compare with the format; one cycle later clamp to it and activate."""
        negative = rounded[-1]
        overflow = Mux(wide, _leaves(rounded, RESULT_WIDTH), _leaves(rounded, self.width))
        kept = Signal(signed(RESULT_WIDTH), reset_less=True)
        limit = Signal(signed(RESULT_WIDTH), reset_less=True)  # few of its bits differ
        leaves = Signal(reset_less=True)
        cleared = Signal(reset_less=True)
        m.d.sync += [
            kept.eq(rounded),
            limit.eq(Mux(wide, _limit(negative, RESULT_WIDTH), _limit(negative, self.width))),
            leaves.eq(overflow),
            cleared.eq((activation == Activation.RELU) & negative),
            self.o.eq(Mux(leaves, limit, kept)),
            self.saturated.eq(leaves),
        ]
        with m.If(cleared):
            m.d.sync += self.o.eq(0)


def _leaves(value: Signal, width: int) -> Value:
    """Whether a signed value does not fit ``width`` bits."""
    if width >= len(value):
        return Const(0)
    upper = value[width - 1 :]
    return upper.any() & ~upper.all()


def _limit(negative: Value, width: int) -> Value:
    """Return the end of a format on one side."""
    top = (1 << (width - 1)) - 1
    return Mux(negative, -top - 1, top)
