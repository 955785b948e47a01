from pathlib import Path

from tenzo.sw.link.packet_docs import packet_docs
from tenzo.sw.packets import LAYOUTS, NakCode

DOCS = Path(__file__).parents[3] / "docs" / "packets.md"


def test_document_is_what_the_code_writes() -> None:
    assert DOCS.read_text(encoding="utf-8") == packet_docs(), (
        "run: python -m tenzo.sw.link.packet_docs docs/packets.md"
    )


def test_document_names_every_packet_field_and_code() -> None:
    text = packet_docs()
    for opcode, layout in LAYOUTS.items():
        assert f"### `{opcode.name}` {opcode.value:#04x}" in text
        assert all(f"`{field.name}`" in text for field in layout.fields)
    assert all(f"| {code.value} | `{code.name}` |" in text for code in NakCode)
