"""The documents name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def modules(folder: str) -> set[str]:
    """Return the names of the modules in a folder."""
    return {path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    missing = [
        link
        for link in links
        if not link.startswith("http") and not (document.parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_are_there(document: Path) -> None:
    text = document.read_text("utf-8")
    named = re.findall(r"`((?:hw|sw|sim|boards|docs|tests)/[\w./-]+|test_\w+\.py)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_architecture_names_every_module_of_the_gateware() -> None:
    named = set(re.findall(r"(\w+)\.py", ARCHITECTURE.read_text("utf-8")))
    assert modules("hw") - named == set()


def test_architecture_names_every_module_of_the_simulation() -> None:
    named = set(re.findall(r"`(\w+)(?:\.py)?`", ARCHITECTURE.read_text("utf-8")))
    assert modules("sim") - named == set()


def test_table_of_software_names_every_module_in_its_folder() -> None:
    text = ARCHITECTURE.read_text("utf-8")
    table = text[text.index("| `sw/` |") : text.index("**`sim/`**")]
    named: dict[str, set[str]] = {}
    folder = ""
    for row in table.strip().splitlines():
        _, place, _, names, _ = row.split("|")
        folder = place.strip(" `/") or folder
        named.setdefault(folder, set()).update(re.findall(r"`(\w+)`", names))
    named.pop("sw/commands")
    assert named == {name: modules(name) for name in named}
    packages = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("sw/**/__init__.py")}
    assert packages == {*named, "sw/commands"}
