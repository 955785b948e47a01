"""What opening the compiled kernels refuses, and how the structures mirror the C header."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tenzo.sw.kernels import library
from tenzo.sw.kernels.library import INTERFACE_SIZE, Library, NotBuiltError, find_library
from tenzo.sw.tools import compiler

HEADER = Path(library.__file__).parent / "cpp" / "tenzo_kernels.h"
STRUCTURES = {
    "tenzo_engine": library.EngineStruct,
    "tenzo_stage": library.StageStruct,
    "tenzo_program": library.ProgramStruct,
    "tenzo_query": library.QueryStruct,
    "tenzo_numerics": library.NumericsStruct,
}
TYPES: dict[str, Any] = {
    "int32_t ": ctypes.c_int32,
    "uint32_t ": ctypes.c_uint32,
    "double ": ctypes.c_double,
    "const int32_t *": ctypes.c_void_p,
    "const uint64_t *": ctypes.c_void_p,
}


def declared(name: str) -> list[tuple[str, object]]:
    """Fields of a structure in the header, as ctypes has them."""
    (body,) = re.findall(r"typedef struct \{([^}]*)\} " + name + ";", HEADER.read_text())
    fields: list[tuple[str, object]] = []
    for kind, names in re.findall(
        r"^\s*(u?int32_t |double |const u?int\d\d_t \*)([^;]*);", body, re.M
    ):
        for text in names.split(", "):
            field, _, count = text.rstrip("]").partition("[")
            single = TYPES[kind]
            fields.append((field, single * int(count) if count else single))
    return fields


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_mirror_the_header(name: str) -> None:
    assert declared(name) == list(STRUCTURES[name]._fields_)


def test_paths_go_from_wide_to_portable() -> None:
    found = find_library()
    assert list(found.paths.values()) == list(range(len(found.paths)))
    assert list(found.paths)[-1] == "portable"
    assert [name for name in found.paths if name in found.working] == list(found.working)


def test_the_library_is_opened_once() -> None:
    assert find_library() is find_library()


def test_a_missing_library_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    with pytest.raises(NotBuiltError, match="are not built: install a C\\+\\+ compiler"):
        find_library()


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "_native.so"
    path.write_bytes(b"no library")
    with pytest.raises(NotBuiltError, match=r"cannot be loaded .*: install Tenzo again"):
        Library(path)


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """Compile a library of one function that returns another interface size."""
    if shutil.which(compiler()) is None:
        pytest.fail("this test needs a C++ compiler")
    source, path = tmp_path / "other.cpp", tmp_path / "_native.so"
    names = (name for name in library._SIGNATURES if name != "tenzo_interface_size")
    functions = "\n".join(f'extern "C" void {name}() {{}}' for name in names)
    size = f'extern "C" int tenzo_interface_size() {{ return {INTERFACE_SIZE + 4}; }}'
    source.write_text(f"{functions}\n{size}\n")
    subprocess.run([compiler(), "-shared", "-fPIC", "-o", path, source], check=True)
    return path


@pytest.mark.slow
def test_a_library_of_another_version_is_refused(compiled: Path) -> None:
    with pytest.raises(NotBuiltError, match="are of another version: install Tenzo again"):
        Library(compiled)


def test_a_library_without_our_functions_is_refused() -> None:
    with pytest.raises(NotBuiltError, match="cannot be loaded"):
        Library(Path("libm.so.6"))
