"""What a training run tells while it goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol

_LOG = logging.getLogger(__name__)
_UPDATE_SECONDS = 0.2
_LINE_SECONDS = 5.0


class Reporter(Protocol):
    """Gets the news of a training run."""

    def begin(self, step: int, steps: int) -> None:
        """Take note that a run of ``steps`` starts at ``step``."""
        ...

    def update(self, step: int) -> None:
        """Take note that ``step`` steps are done; called after every one of them."""
        ...

    def record(self, record: Mapping[str, Any]) -> None:
        """Take note of a record of the metrics."""
        ...

    def end(self) -> None:
        """Take note that the run has ended or stopped; may be called again."""
        ...


class Silence:
    """Says nothing."""

    def begin(self, step: int, steps: int) -> None:
        """Do nothing."""

    def update(self, step: int) -> None:
        """Do nothing."""

    def record(self, record: Mapping[str, Any]) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class Lines:
    """A line every few seconds, and one for each evaluation, through :mod:`logging`."""

    def __init__(self) -> None:
        self._rate = _Rate()
        self._next_line = 0.0

    def begin(self, step: int, steps: int) -> None:
        """Start the clock."""
        self._rate.begin(step, steps)
        self._next_line = time.perf_counter()

    def update(self, step: int) -> None:
        """Count."""
        self._rate.step = step

    def record(self, record: Mapping[str, Any]) -> None:
        """Say it if it holds a score, or if nothing was said for a while."""
        score = _score(record)
        if score or time.perf_counter() >= self._next_line:
            self._next_line = time.perf_counter() + _LINE_SECONDS
            text = f"loss {record['loss']:.4f}{score}"
            _LOG.info("step %d of %d, %s, %s", record["step"], self._rate.steps, text, self._rate)

    def end(self) -> None:
        """Do nothing."""


class Bar:
    """A bar on the terminal with loss, accuracy, steps per second and the time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._rate = _Rate()
        self._text = self._score = ""
        self._next_update = 0.0
        self._progress = Progress(
            TextColumn("{task.completed:.0f} of {task.total:.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=_console(),
            refresh_per_second=5,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def begin(self, step: int, steps: int) -> None:
        """Show the bar."""
        self._rate.begin(step, steps)
        self._progress.update(self._task, completed=step, total=steps)
        self._progress.start()

    def update(self, step: int) -> None:
        """Move the bar, a few times a second."""
        self._rate.step = step
        now = time.perf_counter()
        if now >= self._next_update:
            self._next_update = now + _UPDATE_SECONDS
            text = f"{self._text} {self._rate}".strip()
            self._progress.update(self._task, completed=step, description=text)

    def record(self, record: Mapping[str, Any]) -> None:
        """Keep the loss and the latest score for the bar."""
        self._score = _score(record) or self._score
        self._text = f"loss {record['loss']:.4f}{self._score}"

    def end(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class QuietWhile:
    """Ends a reporter when a block is left, however it is left."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def __enter__(self) -> Reporter:
        return self._reporter

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reporter.end()


def choose_reporter() -> Reporter:
    """Return a bar for a terminal that can redraw a line, unless told to be quiet; else lines."""
    redraws = sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    if not _LOG.isEnabledFor(logging.INFO):
        return Silence()
    return Bar() if redraws else Lines()


class _Rate:
    """Steps per second since a run began or went on."""

    def __init__(self) -> None:
        self.begin(0, 0)

    def begin(self, step: int, steps: int) -> None:
        self.first = self.step = step
        self.steps = steps
        self.start = time.perf_counter()

    def __str__(self) -> str:
        seconds = max(time.perf_counter() - self.start, 1e-9)
        return f"{(self.step - self.first) / seconds:.0f} steps/s"


def _score(record: Mapping[str, Any]) -> str:
    """Return the score in a record in words, or nothing."""
    if "validation_accuracy" in record:
        return f", validation accuracy {100 * record['validation_accuracy']:.1f} %"
    if "validation_relative_l2" in record:
        return f", validation relative L2 error {record['validation_relative_l2']:.3e}"
    return ""


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)
