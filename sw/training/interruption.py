"""Ctrl-C and SIGTERM as something that a loop asks for, instead of something that breaks it."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """A run was stopped by a signal after its checkpoint was written.

    Parameters
    ----------
    number : :class:`int`
        Number of the signal.
    sentence : :class:`str`
        What was kept and how to go on.
    """

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.number = number

    @property
    def exit_status(self) -> int:
        """128 plus the signal's number, as shells do."""
        return 128 + self.number


class Interruption:
    """Remembers the first SIGINT or SIGTERM while the block runs; later ones do nothing.

    Outside the main thread, where Python takes no signals, nothing is remembered.

    Parameters
    ----------
    final : :class:`bool`
        The process ends after the block: go on ignoring signals, which would break off its exit.
    """

    def __init__(self, final: bool = False) -> None:
        self.final = final
        self.number: int | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                self._previous[name] = signal.signal(name, self._remember)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.final:
            return
        for name, handler in self._previous.items():
            signal.signal(name, handler)

    def check(self) -> None:
        """Raise :class:`KeyboardInterrupt` if a signal came."""
        if self.number is not None:
            raise KeyboardInterrupt

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
