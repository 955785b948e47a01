"""A folder of finished builds, each made by one process while the others wait."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

_MANIFEST = "build.json"


def cache_folder() -> Path:
    """Where builds are kept: the variable ``TENZO_CACHE``, or ``~/.cache/tenzo``."""
    return Path(os.environ.get("TENZO_CACHE") or Path.home() / ".cache" / "tenzo")


def build_key(parts: Sequence[str | None]) -> str:
    """Name of a build: a hash of all that decides its bytes."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def cached_build(folder: Path, program: str, make: Callable[[Path], None]) -> None:
    """Fill a folder of the cache, unless it is there already and its program is undamaged.

    The folder appears in one step, after everything in it was written.

    Parameters
    ----------
    folder : Path
        The build's folder.
    program : str
        File in it that is checked against the hash taken when it was built.
    make : callable
        Called with an empty folder; writes the program and whatever else shall be kept.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if _is_whole(folder, program):
            return
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as temporary:
            new = Path(temporary) / "build"
            new.mkdir()
            make(new)
            (new / _MANIFEST).write_text(json.dumps({"sha256": _digest(new / program)}))
            shutil.rmtree(folder, ignore_errors=True)
            new.rename(folder)


def _is_whole(folder: Path, program: str) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        return bool(manifest["sha256"] == _digest(folder / program))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
