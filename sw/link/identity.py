"""What an engine says about itself in its ``IDENTIFY`` response."""

from tenzo.sw.engine import PROTOCOL_VERSION, EngineParameters
from tenzo.sw.packets import IDENTITY_WORDS, MAGIC


def identity_words(engine: EngineParameters) -> list[int]:
    """Return the payload of an ``IDENTIFY`` response, in the order of :data:`IDENTITY_WORDS`."""
    activation, weight = engine.activation, engine.weight
    values = {
        "magic": MAGIC,
        "protocol_version": PROTOCOL_VERSION,
        "activation": activation.width | activation.frac_bits << 16,
        "weight": weight.width | weight.frac_bits << 16,
        "lanes": engine.lane_count | engine.requantizer_sharing << 16,
        "lane_depth": engine.lane_depth,
        "banks": engine.weight_depth | engine.bias_depth << 16,
        "slots": engine.stage_slots | engine.result_depth << 16,
        "features": engine.max_bits,
        "digest_low": engine.digest & 0xFFFFFFFF,
        "digest_high": engine.digest >> 32,
    }
    return [values[name] for name in IDENTITY_WORDS]
