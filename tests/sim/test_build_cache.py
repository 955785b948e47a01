from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tenzo.sim.build_cache import build_key, cache_folder, cached_build


class Maker:
    """Writes a program and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "program").write_bytes(b"machine code")


def test_whole_build_is_not_made_again(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(3):
        cached_build(tmp_path / "key", "program", make)
    assert make.calls == 1


@pytest.mark.parametrize("file", ["program", "build.json"])
@pytest.mark.parametrize("damage", [b"", b"machine c0de", None])
def test_damaged_build_is_made_again(tmp_path: Path, file: str, damage: bytes | None) -> None:
    make = Maker()
    cached_build(tmp_path / "key", "program", make)
    victim = tmp_path / "key" / file
    victim.unlink()
    if damage is not None:
        victim.write_bytes(damage)
    cached_build(tmp_path / "key", "program", make)
    assert make.calls == 2
    assert (tmp_path / "key" / "program").read_bytes() == b"machine code"


def test_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "program").write_bytes(b"half")
        raise RuntimeError("compiler died")

    with pytest.raises(RuntimeError, match="compiler died"):
        cached_build(tmp_path / "key", "program", fail)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_simultaneous_builds_are_made_once(tmp_path: Path) -> None:
    start, calls = threading.Barrier(4), []

    def slow(folder: Path) -> None:
        calls.append(folder)
        threading.Event().wait(0.1)
        (folder / "program").write_bytes(b"machine code")

    def build(_: int) -> None:
        start.wait()
        cached_build(tmp_path / "key", "program", slow)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(build, range(4)))
    assert len(calls) == 1


def test_key_separates_its_parts() -> None:
    assert build_key(["ab", "c"]) != build_key(["a", "bc"])


def test_cache_folder_follows_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENZO_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.setenv("TENZO_CACHE", "")
    assert cache_folder() == Path.home() / ".cache" / "tenzo"
