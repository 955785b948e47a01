from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tenzo.sim.build_cache import cached_build
from tenzo.sim.cache_limit import (
    MANIFEST,
    cache_limit,
    cache_use,
    describe_size,
    evict,
    in_use,
    note_use,
)
from tenzo.sw.errors import UserError

HOUR = 3600


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Cache of builds a (used least recently), b and c, 1,000 bytes each."""
    for age, name in enumerate("cba", 1):
        (tmp_path / name).mkdir()
        (tmp_path / name / "program").write_bytes(bytes(1000))
        (tmp_path / name / MANIFEST).touch()
        os.utime(tmp_path / name / MANIFEST, (0, time.time() - age * HOUR))
    return tmp_path


def names(cache: Path) -> str:
    return "".join(sorted(path.name for path in cache.iterdir()))


def test_the_build_used_least_recently_leaves(cache: Path) -> None:
    evict(cache, cache / "c", 2500)
    assert names(cache) == "bc"


def test_as_many_leave_as_exceed_the_limit(cache: Path) -> None:
    evict(cache, cache / "c", 1000)
    assert names(cache) == "c"


def test_nothing_leaves_below_the_limit(cache: Path) -> None:
    evict(cache, cache / "c", 3000)
    assert names(cache) == "abc"


def test_a_build_that_was_used_stays(cache: Path) -> None:
    note_use(cache / "a")
    evict(cache, cache / "c", 2500)
    assert names(cache) == "ac"


def test_a_build_that_runs_stays(cache: Path) -> None:
    with in_use(cache / "a"):
        os.utime(cache / "a" / MANIFEST, (0, time.time() - 3 * HOUR))
        evict(cache, cache / "c", 2500)
    assert names(cache) == "ac"


def test_the_newest_build_stays_whatever_its_size(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENZO_CACHE_LIMIT", "0")
    cached_build(cache / "d", "program", lambda folder: (folder / "program").touch())
    assert names(cache).replace("d.lock", "") == "d"


def test_builds_that_were_killed_are_swept(cache: Path) -> None:
    for name, age in (("building-old", 2 * HOUR), ("building-new", 0)):
        (cache / name / "build").mkdir(parents=True)
        os.utime(cache / name, (0, time.time() - age))
    evict(cache, cache / "c", 2500)
    assert names(cache) == "bbuilding-newc"


def test_use_counts_finished_builds(cache: Path) -> None:
    (cache / "building-x").mkdir()
    (cache / "building-x" / "program").write_bytes(bytes(5000))
    assert str(cache_use(cache)) == "3 builds, 3 KB"
    assert cache_use(cache / "nowhere").builds == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 2 * 10**9), ("0", 0), ("1234", 1234), ("500 MB", 5 * 10**8), ("1.5g", 15 * 10**8)],
)
def test_limit_is_read_from_the_variable(
    text: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENZO_CACHE_LIMIT", text)
    assert cache_limit() == size


@pytest.mark.parametrize("text", ["much", "-1", "5 XB", "1,5 GB"])
def test_a_limit_that_is_no_size_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENZO_CACHE_LIMIT", text)
    with pytest.raises(UserError, match=f"must be a size such as 500 MB or 2 GB, not '{text}'"):
        cache_limit()


def test_sizes_are_described_to_three_digits() -> None:
    sizes = (0, 999, 1000, 105_400_000, 2 * 10**9)
    assert [describe_size(size) for size in sizes] == [
        "0 bytes",
        "999 bytes",
        "1 KB",
        "105 MB",
        "2 GB",
    ]
