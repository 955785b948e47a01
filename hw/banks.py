"""Parameter banks: the master copy and two working copies of weights and biases."""

from amaranth.hdl import Cat, Module, Mux, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tenzo.hw.compare import exceeds
from tenzo.hw.delay import delayed
from tenzo.hw.interface import ParameterWriteLayout
from tenzo.hw.memory import SPRAM_WORDS, SinglePortMemory, has_spram, simple_memory
from tenzo.hw.perturbation import ParameterAddressLayout
from tenzo.sw.engine import EngineParameters


class ParameterBanks(wiring.Component):
    """Master and two working copies of weights and of biases.

    The host writes the masters; the perturbation unit reads them and writes one working pair; the
    engine reads the other pair. Both working copies of a kind lie interleaved in one memory.

    Throughput is one access a clock cycle at every port, reads take one cycle. There is no
    back-pressure, and no collision logic: no word is read while it is written.

    On ECP5 the default engine's takes at most 40 LUT4, 0 CCU2C and 5 flip-flops besides its five
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
        """Build the masters and the working copies."""
        m = Module()
        depths = {"weight": self.engine.weight_depth, "bias": self.engine.bias_depth}
        if has_spram(platform) and 2 * max(depths.values()) <= SPRAM_WORDS:
            self._single_master(m, max(depths.values()))
        else:
            self._two_masters(m, depths)
        for is_bias, (name, depth) in enumerate(depths.items()):
            working = simple_memory(signed(self.engine.weight.width), 2 * depth)
            m.submodules[f"{name}_working"] = working
            write, read = working.write_port(), working.read_port()
            target = self.working_write
            m.d.comb += [
                write.en.eq(_wanted(target, is_bias, depth)),
                write.addr.eq(Cat(self.filling, target.address)),
                write.data.eq(target.data),
                read.addr.eq(Cat(self.computing, getattr(self, f"{name}_address"))),
                getattr(self, name).eq(read.data),
            ]
        return m

    def _two_masters(self, m: Module, depths: dict[str, int]) -> None:
        """Build one memory for each kind, and choose what was read."""
        values = []
        for is_bias, (name, depth) in enumerate(depths.items()):
            master = SinglePortMemory(signed(self.engine.weight.width), depth)
            m.submodules[f"{name}_master"] = master
            m.d.comb += [
                master.write_enable.eq(_wanted(self.master_write, is_bias, depth)),
                master.write_address.eq(self.master_write.address),
                master.write_data.eq(self.master_write.data),
                master.read_address.eq(self.master_read.address),
            ]
            values.append(master.read_data)
        bias_read = delayed(m, self.master_read.bias, 1, reset_less=True)
        m.d.comb += self.master_data.eq(Mux(bias_read, values[1], values[0]))

    def _single_master(self, m: Module, depth: int) -> None:
        """Build one memory for both kinds, where a memory has far more words than either needs."""
        bits = ceil_log2(depth)
        m.submodules.master = master = SinglePortMemory(signed(self.engine.weight.width), 2 << bits)
        write, read = self.master_write, self.master_read
        m.d.comb += [
            master.write_enable.eq(write.valid & (write.address >> bits == 0)),
            master.write_address.eq(Cat(write.address[:bits], write.bias)),
            master.write_data.eq(write.data),
            master.read_address.eq(Cat(read.address[:bits], read.bias)),
            self.master_data.eq(master.read_data),
        ]


def _wanted(request: data.View, is_bias: int, depth: int) -> Value:
    """Return whether a write is for one kind, and not past its end."""
    return request.valid & (request.bias == is_bias) & ~exceeds(request.address, depth - 1)
