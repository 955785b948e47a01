"""The site has every page, and pages name commands, options and code that are there."""

from __future__ import annotations

import ast
import fnmatch
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tenzo.sw.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [path.relative_to(DOCS) for path in (*DOCS.glob("*.md"), *DOCS.glob("results/*.md"))]
DOCUMENTS = [ROOT / "README.md", *(DOCS / page for page in PAGES)]


def blocks(document: Path, *languages: str) -> list[str]:
    """Return the blocks of code in some languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", document.read_text("utf-8"), re.M | re.S)
    return [textwrap.dedent(code) for language, code in found if language in languages]


def commands(document: Path) -> Iterator[list[str]]:
    """Yield the words of each call of tenzo, in blocks and in sentences."""
    calls = []
    for code in blocks(document, "sh", "console"):
        for line in code.replace("\\\n", " ").splitlines():
            text = re.sub(r"^[\w.-]*\$ ", "", line)
            calls += re.findall(r"(?:^|[;&|] ?|[A-Z_]+=\S+ )tenzo (\w[^;&|]*)", text)
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.M | re.S)
    calls += re.findall(r"`tenzo (\w[^`]*)`", text)
    for call in calls:
        yield shlex.split(call.replace("...", ""), comments=True)


def test_index_leads_to_every_page() -> None:
    text = (DOCS / "index.md").read_text("utf-8")
    entries = [
        line
        for tree in re.findall(r"```{toctree}\n(.*?)```", text, re.S)
        for line in tree.splitlines()
        if line and not line.startswith(":")
    ]
    names = [str(page.with_suffix("")) for page in PAGES if page.name != "index.md"]
    lost = [name for name in names if not any(fnmatch.fnmatch(name, item) for item in entries)]
    assert lost == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_exist(document: Path) -> None:
    context = click.Context(main)
    for name, *words in commands(document):
        if name.isupper():  # a place for any command
            continue
        command = main.get_command(context, name)
        assert command is not None, f"tenzo {name}"
        known = {option for item in command.params for option in (*item.opts, *item.secondary_opts)}
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options - known - {"--help"} == set(), f"tenzo {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_samples_of_code_can_be_read(document: Path) -> None:
    for code in blocks(document, "python"):
        ast.parse(code)
    for code in blocks(document, "toml"):
        tomllib.loads(code)


def test_samples_name_modules_that_exist() -> None:
    for document in DOCUMENTS:
        for code in blocks(document, "python"):
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tenzo."):
                    path = ROOT.joinpath(*str(node.module).split(".")[1:])
                    assert path.with_suffix(".py").exists() or path.is_dir(), node.module


def test_pins_in_the_how_to_are_those_of_the_boards() -> None:
    from tenzo.boards.catalogue import boards
    from tenzo.boards.pins import board_pins

    text = (DOCS / "how-to-boards.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (\w+) \| (\w+) \|$", text, re.M)
    wanted = [(board.name, *(pin.site for pin in board_pins(board))) for board in boards()]
    assert sorted(rows) == sorted(wanted)


def test_c_sample_calls_functions_of_the_driver() -> None:
    header = (ROOT / "sw" / "c_driver" / "tenzo_driver.h").read_text()
    (sample,) = blocks(DOCS / "how-to-use-in-your-own-design.md", "c")
    called = set(re.findall(r"\b(tenzo_\w+)\(", sample))
    assert called
    assert {name for name in called if f"{name}(" not in header} == set()
