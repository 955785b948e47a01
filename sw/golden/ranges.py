"""Which ranges of stages a program may run, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tenzo.sw.errors import UserError
from tenzo.sw.planning.program_check import Footprint, StageAddresses, footprint
from tenzo.sw.program import ADDRESS_MODULUS, Program

Range = tuple[int, int]
"""Entry and stop of a query."""


class Ranges:
    """Ranges of one program, each looked at once.

    Parameters
    ----------
    program : :class:`Program`
    touched : sequence of :class:`StageAddresses`
        From :func:`tenzo.sw.planning.program_check.check_program`.
    """

    def __init__(self, program: Program, touched: Sequence[StageAddresses]) -> None:
        self._program, self._touched = program, touched
        self._footprints: dict[Range, Footprint] = {}
        self._checked: dict[tuple[Range, ...], bool] = {}

    def footprint(self, entry: int, stop: int) -> Footprint:
        """Return the footprint of a range of stages."""
        if (entry, stop) not in self._footprints:
            stages = self._program.stages[entry:stop]
            self._footprints[entry, stop] = footprint(stages, self._touched[entry:stop])
        return self._footprints[entry, stop]

    def check(self, ranges: Sequence[Range]) -> bool:
        """Check ranges that run one after the other on the same lanes.

        Returns
        -------
        Whether their order is free: none reads what another one leaves.

        Raises
        ------
        UserError
            If one reads a word that nothing has written, or writes a part of the results.
        """
        key = tuple(dict.fromkeys(ranges))
        if key not in self._checked:
            self._check(key)
            free = all(self.footprint(*item).reads.size == 0 for item in key)
            self._checked[key] = free
        return self._checked[key]

    def _check(self, ranges: Sequence[Range]) -> None:
        """Raise for what :meth:`check` refuses."""
        outputs = self._program.output_count
        written = np.zeros(ADDRESS_MODULUS, dtype=bool)
        for entry, stop in ranges:
            used = self.footprint(entry, stop)
            if used.results not in (0, outputs):
                raise UserError(
                    f"stages {entry}..{stop} write {used.results} of {outputs} results: a query "
                    "must write all of them, or none"
                )
            missing = used.reads[~written[used.reads]]
            if missing.size:
                raise UserError(
                    f"stages {entry}..{stop} read lane word {missing[0]}, which nothing before "
                    "them has written: run the earlier stages first, in the same evaluation"
                )
            written[used.writes] = True
