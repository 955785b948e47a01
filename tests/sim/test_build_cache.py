from __future__ import annotations

import errno
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

from tenzo.sim import build_cache
from tenzo.sim.build_cache import build_key, cache_folder, cached_build, forget
from tenzo.sw.errors import UserError


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


def test_a_wait_for_another_process_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_cache, "_WAIT_SECONDS", 0.01)
    make, held = Maker(), threading.Event()

    def hold() -> None:
        with FileLock(tmp_path / "key.lock"):
            held.set()
            while "waiting" not in caplog.text:
                time.sleep(0.001)

    with caplog.at_level(logging.INFO), ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait()
        cached_build(tmp_path / "key", "program", make)
    assert caplog.messages == ["another process builds this simulator: waiting for it"]
    assert make.calls == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("make failed with status 2:\ng++: /x/y.o: No space left on device"),
    ],
)
def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    def fail(folder: Path) -> None:
        (folder / "program").write_bytes(b"half")
        raise error

    with pytest.raises(UserError, match=r"no space is left for the build in .*set TENZO_CACHE"):
        cached_build(tmp_path / "key", "program", fail)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
    make = Maker()
    cached_build(tmp_path / "key", "program", make)
    assert make.calls == 1


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to lock and to make folders, also to root, whom permissions do not stop."""

    def refuse(path: object, *_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(build_cache, "FileLock", refuse)
    monkeypatch.setattr(os, "utime", refuse)


def test_a_read_only_cache_is_a_sentence(tmp_path: Path, read_only: None) -> None:
    with pytest.raises(
        UserError, match=r"cache .* cannot be written \(read-only file system\): set TENZO_CACHE"
    ):
        cached_build(tmp_path / "key", "program", Maker())


def test_a_build_in_a_read_only_cache_is_used(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    make = Maker()
    cached_build(tmp_path / "key", "program", make)
    request.getfixturevalue("read_only")
    cached_build(tmp_path / "key", "program", make)
    assert make.calls == 1


def test_a_forgotten_build_is_made_again(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(2):
        cached_build(tmp_path / "key", "program", make)
        forget(tmp_path / "key")
    assert make.calls == 2


def test_key_separates_its_parts() -> None:
    assert build_key(["ab", "c"]) != build_key(["a", "bc"])


def test_cache_folder_follows_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENZO_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.setenv("TENZO_CACHE", "")
    assert cache_folder() == Path.home() / ".cache" / "tenzo"
