"""What the program memory of an engine holds."""

from __future__ import annotations

from tenzo.sw.link.requests import program_requests, stage_requests
from tenzo.sw.link.session import Session
from tenzo.sw.program import Program, Stage


class ProgramMemory:
    """Descriptors in an engine, from slot 0 on; written when others are wanted.

    Parameters
    ----------
    session : :class:`Session`
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._stages: tuple[Stage, ...] | None = None

    def configure(self, program: Program, slots: int) -> None:
        """Load a program; up to ``slots`` descriptors may take its place later.

        Parameters and samples are not valid afterwards.
        """
        self._stages = None
        self.session.commands(program_requests(program, slots))
        self._stages = program.stages

    def load(self, stages: tuple[Stage, ...]) -> None:
        """Load stages unless they are there; parameters, samples and lanes stay as they are."""
        if stages is not self._stages:
            self._stages = None
            self.session.commands(stage_requests(stages))
            self._stages = stages
