"""Checkpoints: arrays in one ``.npz`` file that is whole or not there, and cannot carry code."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import UserError

FORMAT_VERSION = 1
"""Version of the contents; a checkpoint of another one is refused."""

Arrays = Mapping[str, npt.NDArray[Any]]


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace a file in one step: a reader finds the old contents or the new, nothing between.

    Parameters
    ----------
    path : :class:`pathlib.Path`
    write
        Writes the contents into a binary file.

    Raises
    ------
    OSError
        If it cannot be written; it names the file, and the old contents are still there.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise


def save_checkpoint(path: Path, arrays: Arrays, digest: str) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : :class:`pathlib.Path`
    arrays : mapping of names to arrays
        Numbers only, any shapes.
    digest : :class:`str`
        Hash of what the run depends on.
    """
    contents = {name: np.asarray(array) for name, array in arrays.items()}
    contents["format_version"] = np.array(FORMAT_VERSION)
    contents["digest"] = np.frombuffer(digest.encode(), dtype=np.uint8)
    contents["checksum"] = _checksum(contents)
    write_atomically(path, lambda file: np.savez(file, **contents))  # type: ignore[arg-type]


def load_checkpoint(path: Path, digest: str | None = None) -> dict[str, npt.NDArray[Any]]:
    """Read a checkpoint.

    Parameters
    ----------
    path : :class:`pathlib.Path`
    digest : :class:`str`, optional
        What its hash must be; unchecked without.

    Raises
    ------
    UserError
        If the file is missing, damaged, of another version or of another configuration.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            contents = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: train without --resume first") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, OSError) as error:
        raise _damaged(path) from error
    checksum = contents.pop("checksum", np.zeros(0, np.uint8))
    if not np.array_equal(checksum, _checksum(contents)):
        raise _damaged(path)
    if contents.pop("format_version", None) != FORMAT_VERSION:
        raise UserError(f"checkpoint {path} is of another version of Tenzo: train again")
    found = contents.pop("digest").tobytes().decode()
    if digest is not None and found != digest:
        raise UserError(
            f"checkpoint {path} is of another configuration (hash {found[:8]}, not {digest[:8]}): "
            "restore network, formats, data and training, or start a new run in another folder"
        )
    return contents


def _checksum(arrays: Arrays) -> npt.NDArray[np.uint8]:
    """Return the SHA-256 of names, types, shapes and bytes, uint8 of shape (32,)."""
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        state.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(state.digest(), dtype=np.uint8)


def _damaged(path: Path) -> UserError:
    return UserError(f"checkpoint {path} is damaged: restore it, or start a new run")


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder last, where folders can be synchronised."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
