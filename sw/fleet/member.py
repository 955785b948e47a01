"""One device of several."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from tenzo.sw.device import Counters, Device
from tenzo.sw.errors import DeviceError
from tenzo.sw.program import Program

Result = TypeVar("Result")

LOST = (DeviceError, OSError)
"""What a device raises that can compute no more."""


class Member:
    """A device, and what it had counted when its work was last taken over.

    Parameters
    ----------
    device : :class:`Device`
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self._counted: Counters | None = None

    def load_program(self, program: Program) -> None:
        """Load a program; the device counts from zero."""
        self.device.load_program(program)
        self.clear_counters()

    def clear_counters(self) -> None:
        """Set the device's counters to zero."""
        self.device.clear_counters()
        self._counted = None

    def work_off(
        self, waiting: deque[int], compute: Callable[[Device, int], Result]
    ) -> tuple[dict[int, Result], Counters]:
        """Compute shares until none is waiting; return the results and what they counted.

        Both come together or not at all: nothing is taken over from a device that is lost before
        its counters were read.

        Parameters
        ----------
        waiting
            Numbers of shares; other members take from it too.
        compute
            Computes the share of a number on a device.
        """
        results = {number: compute(self.device, number) for number in _taken(waiting)}
        after = self.device.read_counters()
        counted = after if self._counted is None else after.minus(self._counted)
        self._counted = after
        return results, counted

    def close(self) -> None:
        """Close the device, lost or not."""
        with contextlib.suppress(*LOST):
            self.device.close()


def _taken(waiting: deque[int]) -> Iterator[int]:
    """Take numbers until there are no more."""
    while True:
        try:
            number = waiting.popleft()
        except IndexError:
            return
        yield number
