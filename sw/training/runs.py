"""Run directories: the files that a training run leaves, and that a program can rely on.

``config.toml`` the configuration as used, ``metrics.jsonl`` one JSON record per line,
``checkpoint.npz`` the latest state, ``summary.json`` the result of a finished run.
"""

from __future__ import annotations

import json
import os
import re
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import BaseFileLock, FileLock, Timeout

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.configuration.differences import first_difference
from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray
from tenzo.sw.training.checkpoint import load_checkpoint, save_checkpoint, write_atomically

RUNS_FOLDER = Path("runs")
"""Where runs go unless told otherwise."""

_METRICS_BYTES = "metrics_bytes"
_LOCK = ".lock"
_MINE = ("config.toml", "metrics.jsonl", "checkpoint.npz", "summary.json")


class RunFolder:
    """The folder of one run.

    Make one with :meth:`create` or :meth:`resume`: they keep other processes out until
    :meth:`unlock`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._release: weakref.finalize | None = None
        self.config_path, self.metrics_path, self.checkpoint_path, self.summary_path = (
            path / name for name in _MINE
        )

    @classmethod
    def check_new(cls, out: Path | None) -> None:
        """Raise :class:`UserError` if a folder for a new run is in use, or cannot be written."""
        if out is None:
            out = RUNS_FOLDER
            taken = out.exists() and not out.is_dir()
        else:
            taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
        if taken:
            kind = "holds another run" if (out / _MINE[0]).exists() else "is not an empty folder"
            raise UserError(
                f"output folder {out} {kind}: name another with --out, or go on with --resume"
            )
        parent = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise UserError(
                f"output folder {out} cannot be written: {parent} refuses it, name another with "
                "--out"
            )

    @classmethod
    def create(cls, config: Config, out: Path | None) -> RunFolder:
        """Make the folder of a new run: ``out``, or the next free ``runs/NAME-N``.

        Raises
        ------
        UserError
            If the folder is in use already.
        """
        cls.check_new(out)
        folder = cls(_next_folder(config.name) if out is None else out)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder._lock()
        write_atomically(folder.config_path, lambda file: file.write(config.toml().encode()))
        folder.metrics_path.touch()
        return folder

    @classmethod
    def resume(cls, config: Config, out: Path | None) -> RunFolder:
        """Open the folder of a run: ``out``, or the latest ``runs/NAME-N``.

        Raises
        ------
        UserError
            If there is no run, one of another configuration, or another process works on it.
        """
        path = out or _latest_folder(config.name)
        if path is None or not (path / "config.toml").is_file():
            where = path or RUNS_FOLDER / f"{config.name}-N"
            raise UserError(f"{where} holds no run to resume: train without --resume first")
        if difference := first_difference(load_config(path), config):
            raise UserError(
                f"run {path} is of another configuration: its {difference}; give what it was begun "
                "with, or start a new run in another folder"
            )
        folder = cls(path)
        folder._lock()
        return folder

    def unlock(self) -> None:
        """Let other processes work on the run."""
        if self._release is not None:
            self._release()

    def save(self, arrays: Mapping[str, npt.NDArray[Any]], digest: str) -> None:
        """Replace the checkpoint; metrics written so far belong to it.

        Raises
        ------
        OSError
            If it cannot be written; the old checkpoint is still there.
        """
        with open(self.metrics_path, "ab") as file:
            os.fsync(file.fileno())
            size = file.tell()
        contents = {**arrays, _METRICS_BYTES: np.array(size, np.int64)}
        save_checkpoint(self.checkpoint_path, contents, digest)

    def load(self, digest: str | None = None) -> dict[str, npt.NDArray[Any]]:
        """Return the checkpoint's arrays; errors as :func:`~.checkpoint.load_checkpoint`."""
        return load_checkpoint(self.checkpoint_path, digest)

    def restore(self, digest: str, data_digest: str) -> dict[str, npt.NDArray[Any]] | None:
        """Return the checkpoint's arrays and cut the metrics back to it; None if there is none.

        Raises
        ------
        UserError
            If the checkpoint is damaged, or of another configuration or other data.
        """
        arrays = self.load(digest) if self.checkpoint_path.exists() else None
        if arrays is not None and arrays["data_digest"].tobytes().decode() != data_digest:
            raise UserError(
                f"checkpoint {self.checkpoint_path} is of other data, or another problem: name "
                "that of the first part of the run, or start a new run"
            )
        size = int(arrays[_METRICS_BYTES]) if arrays is not None else 0
        found = self.metrics_path.stat().st_size if self.metrics_path.exists() else 0
        if found < size:
            raise UserError(
                f"{self.metrics_path} has {found} bytes and the checkpoint belongs to {size}: "
                "restore it, or start a new run"
            )
        with open(self.metrics_path, "ab") as file:
            file.truncate(size)
        self.summary_path.unlink(missing_ok=True)
        return arrays

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record to the metrics."""
        line = json.dumps(record, allow_nan=False) + "\n"
        try:
            with open(self.metrics_path, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            error.filename = str(self.metrics_path)
            raise

    def metrics(self) -> list[dict[str, Any]]:
        """Return all records."""
        with open(self.metrics_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def curve(self, key: str, along: str = "step") -> tuple[FloatArray, FloatArray]:
        """Return what is along the horizontal axis and a value, of all records that hold both.

        Parameters
        ----------
        key : :class:`str`
            A key of the records, for example ``loss`` or ``validation_accuracy``.
        along : :class:`str`
            ``step``, ``forward_passes`` or ``elapsed_seconds``.

        Raises
        ------
        UserError
            If no record holds the key.
        """
        records = self.metrics()
        held = [record for record in records if key in record and along in record]
        if records and not held:
            known = ", ".join(dict.fromkeys(name for record in records for name in record))
            raise UserError(
                f"no record of {self.path} holds {key!r} and {along!r}: use one of {known}"
            )
        x, y = ([record[name] for record in held] for name in (along, key))
        return np.array(x, np.float64), np.array(y, np.float64)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the result of a finished run."""
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        write_atomically(self.summary_path, lambda file: file.write(text.encode()))

    def _lock(self) -> None:
        """Keep other processes out; the lock of one that was killed counts for nothing."""
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"run {self.path} is another process's at the moment: wait until that ends, or "
                "name another folder with --out"
            ) from None
        self._release = weakref.finalize(self, _unlock, lock)

    def summary(self) -> dict[str, Any]:
        """Return the result; :class:`UserError` if the run has not finished."""
        if not self.summary_path.is_file():
            raise UserError(f"{self.path} holds no finished run: finish it with --resume")
        document: dict[str, Any] = json.loads(self.summary_path.read_text("utf-8"))
        return document


def open_run(path: str | os.PathLike[str]) -> RunFolder:
    """Return the folder of a run; :class:`UserError` if it holds none."""
    folder = RunFolder(Path(path))
    if not folder.config_path.is_file():
        raise UserError(f"{path} holds no run: name the folder that tenzo train wrote")
    return folder


def _unlock(lock: BaseFileLock) -> None:
    """Remove a lock."""
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


def _numbers(name: str) -> list[int]:
    """Return the numbers of the runs of a name that exist."""
    pattern = re.compile(re.escape(name) + r"-(\d+)")
    entries = RUNS_FOLDER.iterdir() if RUNS_FOLDER.is_dir() else []
    matches = (pattern.fullmatch(entry.name) for entry in entries)
    return [int(match[1]) for match in matches if match]


def _next_folder(name: str) -> Path:
    """Make the next free folder, even if another process makes one too."""
    number = max(_numbers(name), default=0)
    while True:
        number += 1
        try:
            (RUNS_FOLDER / f"{name}-{number}").mkdir(parents=True)
        except FileExistsError:
            continue
        return RUNS_FOLDER / f"{name}-{number}"


def _latest_folder(name: str) -> Path | None:
    """Return the run of the highest number."""
    number = max(_numbers(name), default=None)
    return None if number is None else RUNS_FOLDER / f"{name}-{number}"


def stored_shifts(source: str | os.PathLike[str]) -> list[int] | None:
    """Return the calibrated shifts if the source of a configuration is a run's folder."""
    path = Path(source)
    if not (path / "checkpoint.npz").is_file():
        return None
    shifts: list[int] = RunFolder(path).load()["shifts"].tolist()
    return shifts
