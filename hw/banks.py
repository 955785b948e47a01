"""Parameter banks: the master copy and two working copies of weights and biases."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tenzo.hw.delay import delayed
from tenzo.hw.interface import ParameterWriteLayout
from tenzo.hw.memory import simple_memory
from tenzo.hw.perturbation import ParameterAddressLayout
from tenzo.sw.engine import EngineParameters


class ParameterBanks(wiring.Component):
    """Master and two working copies of weights and of biases.

    The host writes the masters; the perturbation unit reads them and writes one working pair; the
    engine reads the other pair. Both working copies of a kind lie interleaved in one memory.

    Throughput is one access a clock cycle at every port, reads take one cycle. There is no
    back-pressure, and no collision logic: no word is read while it is written.

    On ECP5 the default engine's takes at most 30 LUT4, 16 CCU2C and 10 flip-flops besides its five
    block memories.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Engine parameters.

    Members
    -------
    master_write : ``In(ParameterWriteLayout(engine))``
        Plain write of a master. Addresses past the end are ignored.
    master_read : ``In(ParameterAddressLayout())``
        Master to read.
    master_data : ``Out(signed(weight width))``
        Its value, one cycle later.
    working_write : ``In(ParameterWriteLayout(engine))``
        Plain write into the pair that is being filled.
    filling, computing : ``In(1)``
        Pair that is being filled; pair that the engine reads.
    weight_address, bias_address : ``In``
        Words to read.
    weight, bias : ``Out(signed(weight width))``
        Their values, one cycle later.
    """

    def __init__(self, engine: EngineParameters) -> None:
        self.engine = engine
        word = signed(engine.weight.width)
        super().__init__(
            {
                "master_write": In(ParameterWriteLayout(engine)),
                "master_read": In(ParameterAddressLayout()),
                "master_data": Out(word),
                "working_write": In(ParameterWriteLayout(engine)),
                "filling": In(1),
                "computing": In(1),
                "weight_address": In(range(engine.weight_depth)),
                "bias_address": In(range(engine.bias_depth)),
                "weight": Out(word),
                "bias": Out(word),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the four memories."""
        m = Module()
        engine = self.engine
        weights = self._kind(m, "weight", engine.weight_depth, is_bias=0)
        biases = self._kind(m, "bias", engine.bias_depth, is_bias=1)
        bias_read = delayed(m, self.master_read.bias, 1, reset_less=True)
        m.d.comb += self.master_data.eq(Mux(bias_read, biases, weights))
        return m

    def _kind(self, m: Module, name: str, depth: int, *, is_bias: int) -> Signal:
        """Build master and working copies of one kind; return the master's read data."""
        shape = signed(self.engine.weight.width)
        m.submodules[f"{name}_master"] = master = simple_memory(shape, depth)
        m.submodules[f"{name}_working"] = working = simple_memory(shape, 2 * depth)
        self._write(m, master, self.master_write, is_bias, depth, self.master_write.address)
        target = self.working_write
        self._write(m, working, target, is_bias, depth, Cat(self.filling, target.address))
        master_read, working_read = master.read_port(), working.read_port()
        m.d.comb += [
            master_read.addr.eq(self.master_read.address),
            working_read.addr.eq(Cat(self.computing, getattr(self, f"{name}_address"))),
            getattr(self, name).eq(working_read.data),
        ]
        return master_read.data

    @staticmethod
    def _write(
        m: Module, memory: Memory, request: data.View, is_bias: int, depth: int, address: Value
    ) -> None:
        """Connect a write port to the requests for one kind."""
        port = memory.write_port()
        wanted = request.valid & (request.bias == is_bias) & (request.address < depth)
        m.d.comb += [port.en.eq(wanted), port.addr.eq(address), port.data.eq(request.data)]
