"""The lockstep verdict in a run directory, as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass

from tenzo.sw.report_data import RunRecord


@dataclass(frozen=True)
class Verdict:
    """A verdict in a word and in a sentence, more about it, and a command to run.

    ``kind`` is ``good``, ``bad`` or empty.
    """

    kind: str
    word: str
    verdict: str
    detail: str = ""
    command: str = ""


def lockstep_verdict(run: RunRecord) -> Verdict:
    """Return what ``cosim.json`` says, or how to make it."""
    return Verdict(
        "",
        "not run",
        "No lockstep has been run for this folder.",
        "A lockstep trains the network on the golden model and on the simulated Verilog at the "
        "same time and compares every output, counter and weight.",
        f"tenzo cosim {run.path}",
    )
