"""A folder of finished builds, each made by one process while the others wait."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tenzo.sim.cache_limit import MANIFEST, cache_limit, evict, note_use
from tenzo.sw.errors import UserError

_WAIT_SECONDS = 1.5
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOG = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where builds are kept: the variable ``TENZO_CACHE``, or ``~/.cache/tenzo``."""
    return Path(os.environ.get("TENZO_CACHE") or Path.home() / ".cache" / "tenzo")


def simulator_cache() -> Path:
    """Folder of built simulators in :func:`cache_folder`."""
    return cache_folder().expanduser().absolute() / "verilator"


def build_key(parts: Sequence[str | None]) -> str:
    """Name of a build: a hash of all that decides its bytes."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def cached_build(folder: Path, program: str, make: Callable[[Path], None]) -> None:
    """Fill a folder of the cache, unless it is there already and its program is undamaged.

    The folder appears in one step, after everything in it was written. Then the builds that were
    not used for longest are removed while the cache exceeds its limit.

    Parameters
    ----------
    folder : Path
        The build's folder.
    program : str
        File in it that is checked against the hash taken when it was built.
    make : callable
        Called with an empty folder; writes the program and whatever else shall be kept.

    Raises
    ------
    UserError
        The cache cannot be written, and does not hold the build; or its disk is full; or its limit
        is no size.
    """
    if _is_whole(folder, program):
        note_use(folder)
        return
    limit = cache_limit()
    with _said_of(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            if _is_whole(folder, program):
                return
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as temporary:
                new = Path(temporary) / "build"
                new.mkdir()
                make(new)
                (new / MANIFEST).write_text(json.dumps({"sha256": _digest(new / program)}))
                shutil.rmtree(folder, ignore_errors=True)
                new.rename(folder)
    evict(folder.parent, folder, limit)


def forget(folder: Path) -> None:
    """Make the next :func:`cached_build` of a folder build again."""
    (folder / MANIFEST).unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a build; say so if another process builds it."""
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=_WAIT_SECONDS)
    except Timeout:
        _LOG.info("another process builds this simulator: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _said_of(cache: Path) -> Iterator[None]:
    """Turn errors of a cache's disk into a sentence, those that a compiler reports as well."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        text = f"{error}".lower()
        if number in _FULL or os.strerror(errno.ENOSPC).lower() in text:
            raise UserError(
                f"no space is left for the build in {cache}: free some, or set TENZO_CACHE to a "
                "folder on another disk"
            ) from None
        if number is None:
            raise
        raise UserError(
            f"the cache {cache} cannot be written ({os.strerror(number).lower()}): set TENZO_CACHE "
            "to a folder that can be"
        ) from None


def _is_whole(folder: Path, program: str) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return bool(manifest["sha256"] == _digest(folder / program))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
