"""What a build tells while it goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time

_LOG = logging.getLogger("tenzo.boards")
_LINE_SECONDS = 10.0


def build_progress() -> Bar | Lines:
    """Return a bar where standard error is a terminal, lines otherwise."""
    return Bar() if sys.stderr.isatty() else Lines()


class Lines:
    """A line for each phase, and one every ten seconds in a long one, through :mod:`logging`."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._phase, self._next = "", 0.0

    def phase(self, title: str, part: float | None = None) -> None:
        """Log a phase when it begins, and how far it is now and then."""
        now = time.monotonic()
        kind = title.partition(":")[0]
        if kind == self._phase and now < self._next:
            return
        self._phase, self._next = kind, now + _LINE_SECONDS
        percent = "" if part is None else f", {100 * part:.0f} %"
        _LOG.info("%s%s (%.0f s)", kind if part is not None else title, percent, now - self._start)

    def close(self) -> None:
        """Do nothing: lines are complete at any time."""


class Bar:
    """One line that is drawn anew: phase, bar, percentage if it is known, time."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:28}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None)
        self._bar.start()

    def phase(self, title: str, part: float | None = None) -> None:
        """Show a phase; the bar moves to and fro while its part is not known."""
        if part is None:
            self._bar.update(self._task, description=title, total=None)
        else:
            self._bar.update(self._task, description=title, total=1.0, completed=part)

    def close(self) -> None:
        """Take the line away."""
        self._bar.stop()
