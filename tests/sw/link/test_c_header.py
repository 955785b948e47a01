"""Headers for C say what the definitions say."""

from __future__ import annotations

import re
from dataclasses import replace

from tenzo.sw.link.c_header import c_header, network_header
from tenzo.sw.link.identity import identity_words
from tenzo.sw.packets import COUNTER_WORDS, IDENTITY_WORDS, LAYOUTS, NakCode, Opcode
from tests.packet_scripts import SMALL_ENGINES
from tests.sim.axi_stream_case import ENGINE, PROGRAM, values

PARAMETERS = values(ENGINE.weight, PROGRAM.parameter_count)


def macros(text: str) -> dict[str, int]:
    """Return the macros whose value is a number."""
    found = re.findall(r"^#define TENZO_(\w+) (0x[0-9a-f]+|\d+)u$", text, re.MULTILINE)
    return {name: int(value, 0) for name, value in found}


def numbers(text: str, name: str) -> list[int]:
    """Return the items of an array."""
    (body,) = re.findall(rf"{name}\[\] = {{([^}}]*)}};", text)
    return [int(item.strip().rstrip("u"), 0) for item in body.split(",")]


def test_every_field_of_every_packet_is_there() -> None:
    found = macros(c_header(ENGINE))
    for opcode, layout in LAYOUTS.items():
        assert found[f"OPCODE_{opcode.name}"] == opcode
        assert found.get(f"{opcode.name}_WORDS", 0) == layout.words
        for field in layout.fields:
            name = f"{opcode.name}_{field.name.upper()}"
            place = [found[f"{name}_{part}"] for part in ("WORD", "SHIFT", "WIDTH")]
            assert place == [field.word, field.offset, field.width]


def test_codes_and_words_have_their_numbers() -> None:
    found = macros(c_header(ENGINE))
    assert {name: found[f"NAK_{name}"] for name in NakCode.__members__} == NakCode.__members__
    assert [found[f"IDENTITY_{name.upper()}"] for name in IDENTITY_WORDS] == list(range(11))
    assert [found[f"COUNTER_{name.upper()}"] for name in COUNTER_WORDS] == list(range(7))
    assert found["OPCODE_NAK"] not in list(Opcode)


def test_no_macro_is_defined_twice() -> None:
    text = c_header(ENGINE) + network_header(PROGRAM, PARAMETERS, ENGINE)
    names = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))


def test_engine_is_described_as_it_describes_itself() -> None:
    for engine in SMALL_ENGINES.values():
        (words,) = re.findall(r"TENZO_ENGINE_IDENTITY {(.*)}", c_header(engine))
        assert [int(word.rstrip("u"), 0) for word in words.split(", ")] == identity_words(engine)
        assert macros(c_header(engine))["ENGINE_LANE_COUNT"] == engine.lane_count


def test_network_is_the_words_of_its_program_and_its_parameters() -> None:
    text = network_header(PROGRAM, PARAMETERS, ENGINE)
    words = [word for stage in PROGRAM.stages for word in stage.encode()]
    assert numbers(text, "tenzo_network_program") == words
    assert numbers(text, "tenzo_network_parameters") == PARAMETERS.tolist()
    assert macros(text)["NETWORK_BIAS_COUNT"] == PROGRAM.bias_count


def test_both_headers_name_the_same_engine() -> None:
    other = replace(ENGINE, lane_count=2)
    text = network_header(PROGRAM, PARAMETERS, ENGINE)
    (low,) = re.findall(r"TENZO_ENGINE_DIGEST_LOW != 0x(\w+)u", text)
    assert int(low, 16) == macros(c_header(ENGINE))["ENGINE_DIGEST_LOW"]
    assert int(low, 16) != macros(c_header(other))["ENGINE_DIGEST_LOW"]
