"""Rules of the source tree: what imports what, how long files are, what the package lists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("hw", "sw", "sim", "boards")
COMPILED = ROOT / "sw" / "kernels" / "cpp"
MAX_LINES = 300

#: Folder -> top-level packages and folders of ours that its modules must not import when loaded.
FORBIDDEN_AT_IMPORT = {
    "sw": {"amaranth", "amaranth_boards", "cocotb", "cocotb_tools", "hw", "sim", "boards"},
}
#: The same for any import, also one inside a function.
FORBIDDEN_ANYWHERE = {
    "hw": {"numpy", "cocotb", "cocotb_tools", "sim", "boards"},
    "sim": {"boards"},
    "boards": {"sim"},
}
#: Slow to import, so neither the package nor the command line loads them before they are needed.
HEAVY = ("amaranth", "cocotb", "dask", "matplotlib", "numpy", "pydantic", "jinja2", "sklearn")


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path, *, at_import: bool) -> Iterator[str]:
    """Packages that a file imports; ours by folder. With at_import, not those in functions."""
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if at_import and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "tenzo":
                names = [f"tenzo.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield parts[1] if parts[0] == "tenzo" and len(parts) > 1 else parts[0]
        pending.extend(ast.iter_child_nodes(node))


def test_packages_in_pyproject_are_the_folders_with_modules() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {"tenzo"}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("__init__.py"):
            found.add("tenzo." + ".".join(path.parent.relative_to(ROOT).parts))
    assert sorted(settings["packages"]) == sorted(found)


def test_every_folder_with_python_is_a_package() -> None:
    folders = {path.parent for folder in FOLDERS for path in sources(folder)}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_data_files_are_in_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    listed: set[Path] = set()
    for package, patterns in settings["package-data"].items():
        folder = ROOT.joinpath(*package.split(".")[1:]) if "." in package else ROOT / package
        for pattern in patterns:
            matches = set(folder.glob(pattern))
            assert matches, f"{package}: no file matches {pattern!r}"
            listed |= matches
    tracked = subprocess.run(
        ["git", "ls-files", "--", *FOLDERS, "tenzo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    data = {ROOT / name for name in tracked if not name.endswith(".py")}
    assert {path for path in data - listed if path.parent != COMPILED} == set()


def test_what_is_compiled_at_installation_is_in_the_source_archive() -> None:
    suffixes = {f"*{path.suffix}" for path in COMPILED.iterdir()}
    (line,) = re.findall(r"^recursive-include (.*)$", (ROOT / "MANIFEST.in").read_text(), re.M)
    assert line.split()[0] == str(COMPILED.relative_to(ROOT))
    assert suffixes <= set(line.split()[1:])


@pytest.mark.parametrize("folder", FORBIDDEN_AT_IMPORT)
def test_imports_of_loading_go_one_way(folder: str) -> None:
    for path in sources(folder):
        wrong = set(imported(path, at_import=True)) & FORBIDDEN_AT_IMPORT[folder]
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("folder", FORBIDDEN_ANYWHERE)
def test_imports_go_one_way(folder: str) -> None:
    for path in sources(folder):
        wrong = set(imported(path, at_import=False)) & FORBIDDEN_ANYWHERE[folder]
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_300_lines(folder: str) -> None:
    paths = [*sources(folder), *(ROOT / folder).rglob("*.?pp")]
    lengths = {path: len(path.read_text().splitlines()) for path in paths}
    assert {str(path): length for path, length in lengths.items() if length > MAX_LINES} == {}


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    return {name.split(".")[0] for name in result.stdout.split()}


@pytest.mark.parametrize("module", ["tenzo", "tenzo.sw.cli"])
def test_import_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}") & set(HEAVY) == set()


def modules_after(*arguments: str) -> set[str]:
    """Modules that a command has loaded when it ends."""
    code = f"""
import sys
from tenzo.sw.cli import main
sys.argv = ["tenzo", *{arguments}]
try:
    main()
except SystemExit as end:
    assert not end.code
print("modules:", *sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    return set(result.stdout.partition("modules:")[2].split())


def test_help_loads_nothing_heavy() -> None:
    loaded = modules_after("--help")
    assert {name.split(".")[0] for name in loaded} & {*HEAVY, "ctypes", "rich"} == set()


@pytest.mark.parametrize(
    "command", [["--help"], ["plan", "digits"], ["train", "--help"], ["experiment", "--list"]]
)
def test_commands_that_do_not_compute_load_no_kernels(command: list[str]) -> None:
    loaded = modules_after(*command)
    assert {name for name in loaded if name.startswith("tenzo.sw.kernels")} == set()
    assert loaded & {"amaranth", "cocotb", "dask", "matplotlib", "sklearn", "torch"} == set()


def test_every_public_name_can_be_imported() -> None:
    import tenzo

    for name in tenzo.__all__:
        assert getattr(tenzo, name) is not None


def test_type_checkers_see_the_same_public_names() -> None:
    import tenzo

    tree = ast.parse((ROOT / "tenzo" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == tenzo._EXPORTS


def test_unknown_public_name_is_an_attribute_error() -> None:
    import tenzo

    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = tenzo.no_such_name


def test_public_names_are_listed_before_they_are_loaded() -> None:
    import tenzo

    assert set(tenzo.__all__) <= set(dir(tenzo))
