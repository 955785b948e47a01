"""Linear-feedback shift register."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tenzo.sw.lfsr import LfsrParameters


class Lfsr(wiring.Component):
    """Galois shift register that shifts right.

    Computes ``state = (state >> 1) ^ (taps if state & 1 else 0)``; the output is ``state & 1``
    before the shift. Software twin: :meth:`tenzo.sw.lfsr.LfsrParameters.bits`.

    Throughput is one bit per clock cycle in which ``advance`` is high. The first bit of a seed is
    on ``bit`` in the cycle after ``load``. There is no back-pressure.

    On ECP5 the default engine's takes at most 40 LUT4, 4 CCU2C and 40 flip-flops.

    Parameters
    ----------
    parameters : :class:`LfsrParameters`
        Width and feedback mask.

    Members
    -------
    load : ``In(1)``
        Take the seed. Wins over ``advance``.
    seed : ``In(parameters.width)``
        Seed, never zero.
    advance : ``In(1)``
        Shift by one bit.
    bit : ``Out(1)``
        Present output bit.
    """

    def __init__(self, parameters: LfsrParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "load": In(1),
                "seed": In(parameters.width),
                "advance": In(1),
                "bit": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the register."""
        m = Module()
        state = Signal(self.parameters.width, reset_less=True)
        m.d.comb += self.bit.eq(state[0])
        with m.If(self.load):
            m.d.sync += state.eq(self.seed)
        with m.Elif(self.advance):
            m.d.sync += state.eq((state >> 1) ^ Mux(state[0], self.parameters.taps, 0))
        return m
