"""What a lockstep found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """The first number that differs.

    ``kind`` is ``output``, ``counter`` or ``weight``; ``stage`` is None where no stage is at fault,
    or where the replayed query computes the same on both. ``memory`` names what ``address`` is in.
    """

    kind: str
    step: int
    query: int | None
    stage: int | None
    memory: str
    address: int | None
    sample: int | None
    expected: int | float | None
    actual: int | float | None
    note: str = ""

    def __str__(self) -> str:
        places = (
            ("step", self.step),
            ("query", self.query),
            ("stage", self.stage),
            (f"{self.memory} address", self.address),
            ("sample", self.sample),
        )
        where = ", ".join(f"{name} {value}" for name, value in places if value is not None)
        values = f": golden {self.expected}, RTL {self.actual}" if self.expected is not None else ""
        note = f" ({self.note})" if self.note else ""
        return f"first difference at {where}{values}{note}"


@dataclass
class Verdict:
    """Result of a lockstep; ``difference`` is None if all numbers are equal.

    ``outputs``, ``counters`` and ``weights`` count the numbers compared; ``run_cycles`` and
    ``mac_cycles`` are the engine's own.
    """

    steps: int = 0
    queries: int = 0
    outputs: int = 0
    counters: int = 0
    weights: int = 0
    run_cycles: int = 0
    mac_cycles: int = 0
    difference: Difference | None = None

    @property
    def passed(self) -> bool:
        """Whether all numbers are equal."""
        return self.difference is None

    def sentence(self) -> str:
        """Return the result in words, for example ``lockstep: 3 steps, no difference``."""
        if self.difference:
            return f"lockstep: {self.difference}"
        used = ""
        if self.run_cycles:
            used = f", {100 * self.mac_cycles / self.run_cycles:.1f} % of cycles multiply"
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        return (
            f"lockstep: {steps}, {self.queries} queries, {self.outputs:,} outputs, "
            f"{self.counters:,} counters and {self.weights:,} weights compared, no difference; "
            f"{self.run_cycles:,} cycles{used}"
        )

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Verdict:
        """Return the verdict that :meth:`document` was made from."""
        values = {key: value for key, value in document.items() if key != "passed"}
        found = values.pop("difference")
        return cls(**values, difference=Difference(**found) if found else None)

    def document(self) -> dict[str, Any]:
        """Return the verdict as what :func:`json.dumps` takes."""
        return {"passed": self.passed, **asdict(self)}
