"""What the two working pairs of banks hold: patched copies of the masters, or anything."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tenzo.hw.interface import parameter_index_width
from tenzo.sw.engine import EngineParameters


class Copies(wiring.Component):
    """One tag for each working pair: equal to the masters but for one address, or anything.

    A pair that differs in one address at most needs no stream of all parameters for a query that
    differs in one: restore that address, write another. After reset, and after ``stale``, both
    pairs hold anything. A tag changes when its pair has been filled, never before.

    Throughput is one update per clock cycle, ``patched`` and ``address`` follow ``pair`` in the
    same cycle. There is no back-pressure.

    On ECP5 the default engine's takes at most 8 LUT4, 0 CCU2C and 2 flip-flops besides distributed
    memory for the addresses.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    stale : ``In(1)``
        The masters or their counts change: no pair equals them. Wins over ``filled``.
    pair : ``In(1)``
        Pair that is being filled.
    filled : ``In(1)``
        Pulse: that pair holds what was asked for.
    filled_patched : ``In(1)``
        It equals the masters but for ``filled_address``.
    filled_address : ``In(parameter_index_width(engine))``
        Weights, then biases.
    patched : ``Out(1)``
        That pair equals the masters but for ``address``.
    address : ``Out(parameter_index_width(engine))``
        Undefined while ``patched`` is low.
    """

    def __init__(self, engine: EngineParameters) -> None:
        width = parameter_index_width(engine)
        super().__init__(
            {
                "stale": In(1),
                "pair": In(1),
                "filled": In(1),
                "filled_patched": In(1),
                "filled_address": In(width),
                "patched": Out(1),
                "address": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build flags, which reset clears, and addresses, which only they make valid."""
        m = Module()
        flags = Signal(2)
        with m.If(self.stale):
            m.d.sync += flags.eq(0)
        with m.Elif(self.filled):
            m.d.sync += flags.bit_select(self.pair, 1).eq(self.filled_patched)
        m.submodules.storage = addresses = Memory(shape=len(self.address), depth=2, init=[])
        write, read = addresses.write_port(), addresses.read_port(domain="comb")
        m.d.comb += [
            self.patched.eq(flags.bit_select(self.pair, 1)),
            write.en.eq(self.filled),
            write.addr.eq(self.pair),
            write.data.eq(self.filled_address),
            read.addr.eq(self.pair),
            self.address.eq(read.data),
        ]
        return m
