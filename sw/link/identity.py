"""What an engine says about itself in its ``IDENTIFY`` response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from tenzo.sw.engine import PROTOCOL_VERSION, EngineParameters
from tenzo.sw.errors import UserError
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


@dataclass(frozen=True)
class Identity:
    """What an engine said about itself.

    Parameters
    ----------
    protocol_version : :class:`int`
    digest : :class:`int`
        :attr:`EngineParameters.digest` of what it was built from.
    activation, weight : :class:`str`
        Formats, written as :class:`~tenzo.sw.formats.Format` writes them.
    lane_count, requantizer_sharing, lane_depth, weight_depth, bias_depth : :class:`int`
    stage_slots, result_depth, max_bits : :class:`int`
        As in :class:`EngineParameters`.
    """

    protocol_version: int
    digest: int
    activation: str
    weight: str
    lane_count: int
    requantizer_sharing: int
    lane_depth: int
    weight_depth: int
    bias_depth: int
    stage_slots: int
    result_depth: int
    max_bits: int


_SIZES = fields(Identity)[2:]


def read_identity(words: Sequence[int]) -> Identity:
    """Return what the payload of an ``IDENTIFY`` response says.

    Raises
    ------
    UserError
        If it is not of an engine.
    """
    if len(words) < len(IDENTITY_WORDS) or words[0] != MAGIC:
        raise UserError("no Tenzo engine answers on this link: check the port and its speed")
    values = dict(zip(IDENTITY_WORDS, words, strict=False))
    lanes, sharing = _halves(values["lanes"])
    weight_depth, bias_depth = _halves(values["banks"])
    stage_slots, result_depth = _halves(values["slots"])
    return Identity(
        protocol_version=values["protocol_version"],
        digest=values["digest_low"] | values["digest_high"] << 32,
        activation=_format(values["activation"]),
        weight=_format(values["weight"]),
        lane_count=lanes,
        requantizer_sharing=sharing,
        lane_depth=values["lane_depth"],
        weight_depth=weight_depth,
        bias_depth=bias_depth,
        stage_slots=stage_slots,
        result_depth=result_depth,
        max_bits=values["features"],
    )


def check_identity(words: Sequence[int], engine: EngineParameters) -> None:
    """Compare what answered ``IDENTIFY`` with what was asked for.

    Raises
    ------
    UserError
        If it is no engine, one of another protocol version, or one built from other parameters;
        the sentence says which.
    """
    found = read_identity(words)
    if found.protocol_version != PROTOCOL_VERSION:
        raise UserError(
            f"the engine speaks protocol version {found.protocol_version}, this program version "
            f"{PROTOCOL_VERSION}: build the engine again"
        )
    if found.digest != engine.digest:
        raise UserError(_difference(found, engine))


def _difference(found: Identity, engine: EngineParameters) -> str:
    """Return in what an engine differs from the configuration, and what to do."""
    wanted = read_identity(identity_words(engine))
    pairs = {size.name: (getattr(found, size.name), getattr(wanted, size.name)) for size in _SIZES}
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    parts = [f"{name} is {theirs}, not {ours}" for name, (theirs, ours) in differing.items()]
    what = "; ".join(parts) or "its random stream or its tables differ"
    remedy = "flash one of this configuration, or use the configuration that it was built from"
    if list(differing) == ["lane_count"]:
        remedy += f" (--set engine.lane_count={found.lane_count} changes no result)"
    return (
        f"the engine was built from another configuration: {what} (digest {found.digest:#018x}, "
        f"not {engine.digest:#018x}): {remedy}"
    )


def _halves(word: int) -> tuple[int, int]:
    """Return the lower and the upper 16 bits."""
    return word & 0xFFFF, word >> 16


def _format(word: int) -> str:
    """Return a format's name; of any numbers, since an old engine may have other ones."""
    width, frac_bits = _halves(word)
    return f"{width} bits, {frac_bits} fractional"
