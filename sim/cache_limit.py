"""How large the cache of builds may grow, and which builds leave it first."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenzo.sw.errors import UserError

MANIFEST = "build.json"
"""File of every finished build; changed when the build is used, locked while it runs."""

DEFAULT_LIMIT = "2 GB"

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_NEW_SECONDS = 60.0
_STALE_SECONDS = 3600.0


@dataclass(frozen=True)
class CacheUse:
    """Builds in a cache and their bytes."""

    builds: int
    size: int

    def __str__(self) -> str:
        plural = "" if self.builds == 1 else "s"
        return f"{self.builds} build{plural}, {describe_size(self.size)}"


def cache_limit() -> int:
    """Return the bytes that builds may take: ``TENZO_CACHE_LIMIT``, or :data:`DEFAULT_LIMIT`.

    Raises
    ------
    UserError
        The variable is no size.
    """
    text = os.environ.get("TENZO_CACHE_LIMIT") or DEFAULT_LIMIT
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*", text, re.IGNORECASE)
    if match is None:
        raise UserError(f"TENZO_CACHE_LIMIT must be a size such as 500 MB or 2 GB, not {text!r}")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def describe_size(size: int) -> str:
    """Return a number of bytes in words, for example ``12 MB``."""
    for unit in ("T", "G", "M", "K"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.3g} {unit}B"
    return f"{size} bytes"


def cache_use(cache: Path) -> CacheUse:
    """Return what the finished builds in a folder take."""
    sizes = [_size(build) for build in _builds(cache)]
    return CacheUse(len(sizes), sum(sizes))


def note_use(build: Path) -> None:
    """Take note that a build is used now; a cache that cannot be written needs no note."""
    with contextlib.suppress(OSError):
        os.utime(build / MANIFEST)


@contextlib.contextmanager
def in_use(build: Path) -> Iterator[None]:
    """Keep a build in the cache while a block runs."""
    with open(build / MANIFEST, "rb") as manifest:
        fcntl.flock(manifest, fcntl.LOCK_SH)
        note_use(build)
        yield


def evict(cache: Path, keep: Path, limit: int) -> None:
    """Remove the builds used least recently while all together exceed a limit in bytes.

    One that runs, that was used within a minute, or ``keep``, stays. What builds that were killed
    left behind is removed as well.
    """
    _remove_stale(cache)
    sizes = {build: _size(build) for build in _builds(cache)}
    total = sum(sizes.values())
    for build in sorted(sizes, key=_last_use):
        if total <= limit:
            return
        if build != keep and time.time() - _last_use(build) > _NEW_SECONDS and _remove(build):
            total -= sizes[build]


def _builds(cache: Path) -> list[Path]:
    return [manifest.parent for manifest in cache.glob(f"*/{MANIFEST}")]


def _size(build: Path) -> int:
    size = 0
    for path in build.rglob("*"):
        with contextlib.suppress(OSError):
            size += path.lstat().st_size
    return size


def _last_use(build: Path) -> float:
    try:
        return (build / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0


def _remove(build: Path) -> bool:
    """Remove a build unless it runs; whether it has gone."""
    try:
        with open(build / MANIFEST, "rb") as manifest:
            fcntl.flock(manifest, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(build)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_stale(cache: Path) -> None:
    for folder in cache.glob("building-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
