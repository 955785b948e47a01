"""Parameters of an engine: what is fixed when its Verilog is made."""

import hashlib
import json
from dataclasses import asdict, dataclass, field

from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format, accumulator_width
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.program import Activation
from tenzo.sw.table import Table, table

PROTOCOL_VERSION = 2
"""Version of packets, descriptors and arithmetic; ``IDENTIFY`` returns it."""

MIN_DIVISOR = 4
"""Fewest clock cycles per bit of a serial line: the receiver looks for the middle of each."""

MAX_LANES = 256
"""Most lanes of an engine."""

_RANGES = {
    "lane_count": (1, MAX_LANES),
    "requantizer_sharing": (1, 16),
    "lane_depth": (16, 65535),
    "weight_depth": (16, 65535),
    "bias_depth": (16, 65535),
    "stage_slots": (1, 255),
    "result_depth": (1, 4096),
    "table_units": (0, 256),
    "table_frac_bits": (0, 24),
    "table_segment_bits": (1, 12),
}


@dataclass(frozen=True)
class EngineParameters:
    """Everything that one bitstream fixes; networks and programs are data.

    Parameters
    ----------
    activation, weight : :class:`Format`
        Formats of samples and of weights. Intermediate values keep the activation's width, each
        stage with fractional bits of its own. Activations 4 to 24 bits, weights 4 to 18 bits.
    lane_count : :class:`int`
        Lanes L: samples computed at the same time.
    requantizer_sharing : :class:`int`
        Lanes S that share one requantizer.
    lane_depth : :class:`int`
        Words of activation width in each lane's memory.
    weight_depth, bias_depth : :class:`int`
        Words in the weight bank and in the bank of biases.
    stage_slots : :class:`int`
        Descriptors that the program memory holds.
    result_depth : :class:`int`
        Outputs per lane in each of the two result buffers.
    max_bits : :class:`int`
        Most random bits drawn for one weight, 1 to 8.
    lfsr : :class:`LfsrParameters`
        Perturbation stream.
    table_units : :class:`int`
        Units T that compute sine and tanh for all lanes; 0 leaves them out.
    table_frac_bits, table_segment_bits : :class:`int`
        Fractional bits of their arguments, and the segments of their tables: see
        :class:`tenzo.sw.table.Table`. Without units they do not matter.

    Raises
    ------
    UserError
        If a parameter is out of range; the sentence names it, its value and the range.
    """

    activation: Format = Format(16, 13)
    weight: Format = Format(16, 14)
    lane_count: int = 8
    requantizer_sharing: int = 2
    lane_depth: int = 1024
    weight_depth: int = 1024
    bias_depth: int = 128
    stage_slots: int = 32
    result_depth: int = 16
    max_bits: int = 8
    lfsr: LfsrParameters = field(default_factory=LfsrParameters)
    table_units: int = 0
    table_frac_bits: int = 12
    table_segment_bits: int = 9

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"engine {name} must be {low} to {high}, not {value!r}")
        if not 1 <= self.max_bits <= 8:
            raise UserError(f"engine max_bits must be 1 to 8, not {self.max_bits!r}")
        if not 4 <= self.activation.width <= 24:
            raise UserError(f"activation width must be 4 to 24, not {self.activation.width!r}")
        if not 4 <= self.weight.width <= 18:
            raise UserError(f"weight width must be 4 to 18, not {self.weight.width!r}")
        if self.table_units:
            self._check_table()

    def _check_table(self) -> None:
        """Check the format of the table against the width of activations."""
        width, segments = self.activation.width, self.table_segment_bits
        if segments > width - 1:
            raise UserError(
                f"engine table_segment_bits must be at most {width - 1} for activations of "
                f"{width} bits, not {segments}"
            )
        if not width - segments <= self.table_frac_bits <= width:
            raise UserError(
                f"engine table_frac_bits must be {width - segments} to {width} for activations of "
                f"{width} bits and table_segment_bits = {segments}, not {self.table_frac_bits}"
            )

    @property
    def max_terms(self) -> int:
        """Most products in one sum: a stage cannot read more distinct words than a lane holds."""
        return self.lane_depth

    @property
    def max_bias_shift(self) -> int:
        """Largest left shift of a bias; also the most fractional bits of an intermediate value."""
        return self.activation.width

    @property
    def accumulator_width(self) -> int:
        """Accumulator width in bits, see :func:`tenzo.sw.formats.accumulator_width`."""
        return accumulator_width(
            self.activation.width, self.weight.width, self.max_terms, self.max_bias_shift
        )

    @property
    def max_shift(self) -> int:
        """Largest shift of a requantization."""
        return min(63, self.accumulator_width - 1)

    @property
    def group_count(self) -> int:
        """Requantizers: groups of ``requantizer_sharing`` lanes, the last one may be smaller."""
        return -(-self.lane_count // self.requantizer_sharing)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """Activations that the engine computes."""
        return tuple(item for item in Activation if self.table_units or not item.uses_table)

    @property
    def table(self) -> Table:
        """Sine and tanh of an engine with ``table_units``."""
        return table(self.activation.width, self.table_frac_bits, self.table_segment_bits)

    @property
    def table_rounds(self) -> int:
        """Groups of lanes that one table unit serves, one after the other."""
        return -(-self.group_count // self.table_units) if self.table_units else 1

    @property
    def digest(self) -> int:
        """64-bit hash of all parameters and the protocol version; ``IDENTIFY`` returns it."""
        text = json.dumps([PROTOCOL_VERSION, asdict(self)], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
