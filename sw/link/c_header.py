"""C headers of an engine, from the definitions in the code: packets, and a network as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenzo import __version__
from tenzo.sw.engine import PROTOCOL_VERSION, EngineParameters
from tenzo.sw.link.framing import FULL_BLOCK_BYTES, frame_bytes
from tenzo.sw.link.identity import identity_words
from tenzo.sw.packets import (
    COUNTER_WORDS,
    IDENTITY_WORDS,
    LAYOUTS,
    MAGIC,
    MAX_OUTSTANDING_QUERIES,
    MAX_PAYLOAD_WORDS,
    NAK_OPCODE,
    RESPONSE_BIT,
    NakCode,
    Opcode,
)
from tenzo.sw.program import CONTROL_FIELDS, DESCRIPTOR_WORDS, HALFWORDS, Activation, Program

Definitions = Mapping[str, str]


def c_header(engine: EngineParameters) -> str:
    """Return ``tenzo.h``: packets, fields, codes and words, and one engine's parameters.

    A field F of packet P has ``TENZO_P_F_WORD`` (index in the payload), ``_SHIFT`` and ``_WIDTH``.
    Everything is a macro with an unsigned value, so that preprocessors can use it too.

    Parameters
    ----------
    engine : :class:`EngineParameters`
        Its values are in ``TENZO_ENGINE_*``, its identity in ``TENZO_ENGINE_IDENTITY``.
    """
    parts = {
        "Packets.": _limits(),
        "Opcodes of packets; a response has TENZO_RESPONSE_BIT set.": {
            f"OPCODE_{item.name}": f"0x{item:02x}u" for item in Opcode
        },
        "Why a packet was refused: payload of a response with TENZO_OPCODE_NAK.": {
            f"NAK_{item.name}": f"{item}u" for item in NakCode
        },
        **_layouts(),
        "Words of an IDENTIFY response.": _indices("IDENTITY", IDENTITY_WORDS),
        "Words of a READ_COUNTERS response.": _indices("COUNTER", COUNTER_WORDS),
        "Descriptors of stages: halfwords, low half of a word first.": _halfwords(),
        "Descriptors of stages: bits of the first word.": _control(),
        "This engine.": _engine(engine),
    }
    body = "\n".join(_block(title, definitions) for title, definitions in parts.items())
    return _guarded("TENZO_H", "Packets and registers of an engine", body)


def network_header(
    program: Program, parameters_raw: npt.NDArray[np.int64], engine: EngineParameters
) -> str:
    """Return ``tenzo_network.h``: a program and its parameters as arrays.

    Parameters
    ----------
    program : :class:`Program`
    parameters_raw : int64 array of shape (parameter_count,)
        Weights, then biases, in the weight format.
    engine : :class:`EngineParameters`
        What the program was planned for.
    """
    sizes = {
        "WEIGHT_COUNT": program.weight_count,
        "BIAS_COUNT": program.bias_count,
        "STAGE_COUNT": len(program.stages),
        "INPUT_COUNT": program.input_count,
        "SAMPLE_BASE": program.sample_bases[0],
        "OUTPUT_COUNT": program.output_count,
        "OUTPUT_FRAC_BITS": program.output_frac_bits,
    }
    counts = {f"NETWORK_{name}": f"{value}u" for name, value in sizes.items()}
    words = [f"0x{word:08x}u" for stage in program.stages for word in stage.encode()]
    values = [str(value) for value in np.asarray(parameters_raw).tolist()]
    low, high = _digest(engine)
    parts = [
        '#include <stdint.h>\n\n#include "tenzo.h"\n',
        f"#if TENZO_ENGINE_DIGEST_LOW != {low} || TENZO_ENGINE_DIGEST_HIGH != {high}\n"
        '#error "tenzo.h is of another engine: take both files from one tenzo verilog"\n#endif\n',
        _block("Sizes.", counts),
        _array("uint32_t", "tenzo_network_program", words),
        _array("int32_t", "tenzo_network_parameters", values),
    ]
    return _guarded("TENZO_NETWORK_H", "Program and parameters of a network", "\n".join(parts))


def _limits() -> Definitions:
    return {
        "PROTOCOL_VERSION": f"{PROTOCOL_VERSION}u",
        "MAGIC": f"0x{MAGIC:08x}u",
        "MAX_PAYLOAD_WORDS": f"{MAX_PAYLOAD_WORDS}u",
        "MAX_FRAME_BYTES": f"{frame_bytes(MAX_PAYLOAD_WORDS + 2)}u",
        "FULL_BLOCK_BYTES": f"{FULL_BLOCK_BYTES}u",
        "MAX_OUTSTANDING_QUERIES": f"{MAX_OUTSTANDING_QUERIES}u",
        "RESPONSE_BIT": f"0x{RESPONSE_BIT:02x}u",
        "OPCODE_NAK": f"0x{NAK_OPCODE:02x}u",
    }


def _layouts() -> dict[str, Definitions]:
    """Return, for every packet with fields, its fixed words and where each field is."""
    parts: dict[str, Definitions] = {}
    for opcode, layout in LAYOUTS.items():
        if not layout.fields:
            continue
        found = {f"{opcode.name}_WORDS": f"{layout.words}u"}
        for field in layout.fields:
            name = f"{opcode.name}_{field.name.upper()}"
            found[f"{name}_WORD"] = f"{field.word}u"
            found[f"{name}_SHIFT"] = f"{field.offset}u"
            found[f"{name}_WIDTH"] = f"{field.width}u"
        data = f"; then {layout.data}" if layout.data else ""
        parts[f"Payload of {opcode.name}{data}."] = found
    return parts


def _indices(kind: str, names: Iterable[str]) -> Definitions:
    found = {f"{kind}_{name.upper()}": f"{index}u" for index, name in enumerate(names)}
    return {**found, f"{kind}_WORDS": f"{len(found)}u"}


def _halfwords() -> Definitions:
    found = {"DESCRIPTOR_WORDS": f"{DESCRIPTOR_WORDS}u"}
    for name, (first, count) in HALFWORDS.items():
        found[f"DESCRIPTOR_{name.upper()}_HALFWORD"] = f"{first}u"
        found[f"DESCRIPTOR_{name.upper()}_COUNT"] = f"{count}u"
    return found


def _control() -> Definitions:
    found = {}
    for name, (offset, width) in CONTROL_FIELDS.items():
        found[f"CONTROL_{name.upper()}_SHIFT"] = f"{offset}u"
        found[f"CONTROL_{name.upper()}_WIDTH"] = f"{width}u"
    return {**found, **{f"ACTIVATION_{item.name}": f"{item}u" for item in Activation}}


def _engine(engine: EngineParameters) -> Definitions:
    names = ["lane_count", "lane_depth", "weight_depth", "bias_depth", "stage_slots"]
    names += ["result_depth", "max_bits", "table_units"]
    formats = {"ACTIVATION": engine.activation, "WEIGHT": engine.weight}
    found = {f"ENGINE_{name.upper()}": f"{getattr(engine, name)}u" for name in names}
    for name, kind in formats.items():
        found[f"ENGINE_{name}_WIDTH"] = f"{kind.width}u"
        found[f"ENGINE_{name}_FRAC_BITS"] = f"{kind.frac_bits}u"
    found["ENGINE_DIGEST_LOW"], found["ENGINE_DIGEST_HIGH"] = _digest(engine)
    words = ", ".join(f"0x{word:x}u" for word in identity_words(engine))
    return {**found, "ENGINE_IDENTITY": f"{{{words}}}"}


def _digest(engine: EngineParameters) -> tuple[str, str]:
    """Return both halves of an engine's digest as C writes them."""
    return f"0x{engine.digest & 0xFFFFFFFF:08x}u", f"0x{engine.digest >> 32:08x}u"


def _block(title: str, definitions: Definitions) -> str:
    lines = [f"/* {title} */"]
    lines += [f"#define TENZO_{name} {value}" for name, value in definitions.items()]
    return "\n".join(lines) + "\n"


def _array(kind: str, name: str, items: Sequence[str]) -> str:
    rows = [", ".join(items[first : first + 6]) for first in range(0, len(items), 6)]
    # C has no empty array; the sizes say how much of it counts.
    body = ",\n".join(f"    {row}" for row in rows or ["0"])
    return f"static const {kind} {name}[] = {{\n{body}\n}};\n"


def _guarded(guard: str, what: str, body: str) -> str:
    return (
        f"/* {what}, generated by Tenzo {__version__}.\n"
        "   It belongs to you: Tenzo attaches no licence condition to what it generates. */\n"
        f"#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"
    )
