"""Writes the description of packets, ``docs/packets.md``, from their definition in the code.

``python -m tenzo.sw.link.packet_docs docs/packets.md`` writes it anew.
"""

import sys
from pathlib import Path

from tenzo.sw.engine import PROTOCOL_VERSION
from tenzo.sw.packets import (
    COUNTER_WORDS,
    IDENTITY_WORDS,
    LAYOUTS,
    MAGIC,
    MAX_OUTSTANDING_QUERIES,
    MAX_PAYLOAD_WORDS,
    NAK_OPCODE,
    RESPONSE_BIT,
    Layout,
    NakCode,
    Opcode,
    encode_packet,
)
from tenzo.sw.program import (
    CONTROL_FIELDS,
    COUNTERS,
    DESCRIPTOR_WORDS,
    HALFWORDS,
    Activation,
)

_PURPOSES = {
    Opcode.IDENTIFY: "Asks what engine this is.",
    Opcode.CONFIGURE: "Says how much of each memory a program uses; comes before everything else.",
    Opcode.WRITE_PROGRAM: "Writes descriptors of stages; 18 words each, slot by slot.",
    Opcode.WRITE_PARAMETERS: "Writes master weights or biases.",
    Opcode.WRITE_SAMPLES: "Writes words of one lane's memory; also while queries are outstanding.",
    Opcode.QUERY: "Queues one evaluation of the program with perturbed parameters.",
    Opcode.READ_RESULTS: "Reads results of the oldest query; waits until it has finished.",
    Opcode.READ_COUNTERS: "Reads the counters.",
    Opcode.READ_SATURATIONS: "Reads how many values saturated in each stage.",
    Opcode.CLEAR_COUNTERS: "Sets all counters, saturations among them, to zero.",
}

_REASONS = {
    NakCode.CRC: "fewer than two words, or the CRC is wrong",
    NakCode.LENGTH: "the header's count is not the number of payload words, or exceeds "
    f"{MAX_PAYLOAD_WORDS}; or the payload does not have the words that the opcode needs",
    NakCode.OPCODE: "the opcode is unknown",
    NakCode.ADDRESS: "an address or a count lies outside of a memory",
    NakCode.VALUE: "a value is out of range",
    NakCode.NOT_READY: "program, parameters or samples are not valid yet",
    NakCode.BUSY: "not while queries are outstanding, or not one more",
    NakCode.EMPTY: "no query is outstanding",
}

_IDENTITY = {
    "magic": f"`{MAGIC:#x}`",
    "protocol_version": f"{PROTOCOL_VERSION} for this description",
    "activation": "width of samples in bits; fractional bits << 16",
    "weight": "width of weights in bits; fractional bits << 16",
    "lanes": "lanes; lanes per requantizer << 16",
    "lane_depth": "words of a lane's memory",
    "banks": "words of the weight bank; words of the bank of biases << 16",
    "slots": "stages of a program; results per lane << 16",
    "features": "most random bits per parameter",
    "digest_low": "hash of all parameters of the engine, low half",
    "digest_high": "high half",
}

_COUNTERS = {
    "run_cycles": "cycles from the first issue of each program run to its last write",
    "mac_cycles": "cycles that issued a multiply-accumulate in every lane",
    "queries": "program runs",
    "weight_saturations": "perturbed parameters that saturated",
    "perturb_wait_cycles": "cycles in which a query waited for its parameters, nothing running",
    "load_wait_cycles": "cycles in which a sample waited for its lane's memory",
    "link_stall_cycles": "cycles in which a query waited for the release of results",
}

_DESCRIPTOR = {
    "control": "see below",
    "wait_cycles": "idle cycles before the first issue; not counted before the first stage run",
    "last_index": "iterations of each counter, minus 1",
    "input_base": "first address in lane memory",
    "input_step": "what the address gains when each counter advances and those inside it restart",
    "weight_base": "first address in the weight bank",
    "weight_step": "likewise",
    "output_base": "first address in lane memory, or first output of the results",
    "output_step": "likewise, without `k`",
    "bias_base": "first address in the bank of biases",
    "bias_step": "likewise, without `k`",
}

_CONTROL = {
    "shift": "right shift of the sum, rounding half up; then it saturates",
    "bias_shift": "left shift of the bias",
    "activation": ", ".join(f"{code.value} {code.name.lower()}" for code in Activation),
    "use_bias": "sums start at the shifted bias, else at zero",
    "unit_weight": "every weight is raw 1",
    "to_results": "write results of 32 bits, else lane memory",
    "sample_input": "add the query's `sample_base` to input addresses",
}


def packet_docs() -> str:
    """Return the description of all packets in Markdown."""
    parts = [_introduction(), _refusals(), "## Packets\n"]
    parts += [_packet(opcode, layout) for opcode, layout in LAYOUTS.items()]
    parts += [
        _word_table("Identity", IDENTITY_WORDS, _IDENTITY),
        _word_table("Counters", COUNTER_WORDS, _COUNTERS),
        "Counters have 32 bits and stay at the maximum when they reach it.\n",
        _descriptors(),
    ]
    return "\n".join(parts)


def _introduction() -> str:
    example = " ".join(f"{word:08x}" for word in encode_packet(Opcode.IDENTIFY, 1))
    return f"""# Packets

<!-- Written by `python -m tenzo.sw.link.packet_docs docs/packets.md` from sw/packets.py. -->

Protocol version {PROTOCOL_VERSION}. A host sends packets to an engine, and the engine answers each
of them with one response, in order. Both are runs of 32-bit words; `last` marks the last word.

| word | bits | content |
|---|---|---|
| 0 | 7..0 | opcode |
| 0 | 15..8 | sequence number |
| 0 | 31..16 | count of payload words, at most {MAX_PAYLOAD_WORDS} |
| 1 | 31..0 | payload, if any |
| last | 31..0 | CRC-32 as zlib's, over all words before it, each as four little-endian bytes |

`IDENTIFY` with sequence number 1 is `{example}`.

The response to an accepted packet has the packet's opcode plus `{RESPONSE_BIT:#x}` and its sequence
number. Payload bits that no field names are ignored.

**Repetition.** A packet that has the sequence number of the packet before it is taken for a
repetition, whatever else it holds: the engine executes nothing and sends its last response again.
A packet refused with `CRC`, or with `LENGTH` because of its header, does not count as the packet
before. `IDENTIFY` is always executed. After reset there is no packet before.

**Damage.** A packet is looked at when its last word has arrived, so a damaged one changes nothing,
and the word after `last` begins the next packet whatever came before. Words past the largest packet
are discarded up to `last`.

**Values** of up to 16 bits are packed two a word, sign-extended to 16 bits, low half first, an odd
tail filled with zero; wider ones are sign-extended to 32 bits, one a word. Of each value only the
low bits of its width are used.

**Blocks.** `complete` marks program, parameters or samples as valid; only `CONFIGURE` and reset
take the mark away.

**Queries.** Up to {MAX_OUTSTANDING_QUERIES} queries may be outstanding: accepted and not released.
A parameter's address is its place among all weights, then all biases. For Rademacher directions
`bits` counts as 1. Results are read from the oldest query; a read with `release` set ends it. While
a read waits, the engine accepts no words.
"""


def _refusals() -> str:
    rows = [f"| {code.value} | `{code.name}` | {_REASONS[code]} |" for code in NakCode]
    return f"""## Refusals

A refused packet changes nothing. Its response has opcode `{NAK_OPCODE:#x}`, the packet's sequence
number and one payload word, the code of the first check that fails. `CRC`, `LENGTH` and `OPCODE`
are checked first, then what is listed with each packet, in that order.

| code | name | reason |
|---|---|---|
""" + _lines(rows)


def _packet(opcode: Opcode, layout: Layout) -> str:
    lines = [f"### `{opcode.name}` {opcode.value:#04x}", "", _PURPOSES[opcode], ""]
    if layout.fields or layout.data:
        lines += ["| word | bits | field | meaning |", "|---|---|---|---|"]
        for field in layout.fields:
            high = field.offset + field.width - 1
            bits = f"{high}..{field.offset}" if field.width > 1 else f"{high}"
            lines.append(f"| {field.word} | {bits} | `{field.name}` | {field.meaning} |")
        if layout.data:
            lines.append(f"| {layout.words}.. | 31..0 | data | {layout.data} |")
        lines.append("")
    lines += [f"Response: {layout.response}.", "", f"Checks: {layout.checks}.", ""]
    return "\n".join(lines)


def _word_table(title: str, names: tuple[str, ...], meanings: dict[str, str]) -> str:
    rows = [f"| {index} | `{name}` | {meanings[name]} |" for index, name in enumerate(names)]
    return f"## {title}\n\n| word | name | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _descriptors() -> str:
    """Describe descriptors: the halfwords, then the bits of the control field."""
    halfwords = [
        f"| {first if count == 1 else f'{first}..{first + count - 1}'} | `{name}` | "
        f"{_DESCRIPTOR[name]} |"
        for name, (first, count) in HALFWORDS.items()
    ]
    control = [
        f"| {offset + width - 1}..{offset} | `{name}` | {_CONTROL[name]} |"
        if width > 1
        else f"| {offset} | `{name}` | {_CONTROL[name]} |"
        for name, (offset, width) in CONTROL_FIELDS.items()
    ]
    return f"""## Descriptors

A stage is six nested counters, outermost first: {", ".join(f"`{name}`" for name in COUNTERS)}. For
every index of the outer five it computes
`activate(round((bias << bias_shift) + sum over k of weight * input, shift))`. A descriptor has
{DESCRIPTOR_WORDS} words, two halfwords a word, low half first. Addresses and steps are modulo 2^16.

| halfword | field | meaning |
|---|---|---|
{_lines(halfwords)}
| bits of `control` | field | meaning |
|---|---|---|
{_lines(control)}"""


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def main() -> None:
    """Write the description to the file named on the command line."""
    Path(sys.argv[1]).write_text(packet_docs(), encoding="utf-8")


if __name__ == "__main__":
    main()
