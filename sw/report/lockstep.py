"""The lockstep verdict in a run directory, as the report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenzo.sw.report.data import RunRecord


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
    if run.cosim is None:
        return Verdict(
            "",
            "not run",
            "No lockstep has been run for this folder.",
            "A lockstep trains the network on the golden model and on the simulated Verilog at the "
            "same time and compares every output, counter and weight.",
            f"tenzo cosim {run.path}",
        )
    command = str(run.cosim.get("command", ""))
    if run.cosim.get("passed") is True:
        return Verdict("good", "passed", _agreement(run.cosim), _cycles(run.cosim), command)
    difference = run.cosim.get("difference")
    where = _difference(difference) if isinstance(difference, Mapping) else ""
    return Verdict("bad", "failed", "Golden model and Verilog differ.", where, command)


def _agreement(cosim: Mapping[str, Any]) -> str:
    """Return how much was compared."""
    steps = _count(cosim, "steps")
    return (
        f"Golden model and Verilog agree: {steps} training {'step' if steps == '1' else 'steps'}, "
        f"{_count(cosim, 'outputs')} outputs, {_count(cosim, 'counters')} counters and "
        f"{_count(cosim, 'weights')} weights compared, no difference."
    )


def _cycles(cosim: Mapping[str, Any]) -> str:
    """Return what the Verilog's counters say of its utilisation."""
    run_cycles, mac_cycles = cosim.get("run_cycles"), cosim.get("mac_cycles")
    if not run_cycles or mac_cycles is None:
        return ""
    return (
        f"The Verilog's own counters: {run_cycles:,} cycles, of which "
        f"{100 * mac_cycles / run_cycles:.1f} % multiply."
    )


def _count(cosim: Mapping[str, Any], key: str) -> str:
    """Return a count with separators, or a question mark."""
    value = cosim.get(key)
    return f"{value:,}" if isinstance(value, int) else "?"


def _difference(difference: Mapping[str, Any]) -> str:
    """Return where the first difference is, and the two values."""
    memory = difference.get("memory")
    names = {
        "step": "step",
        "query": "query",
        "stage": "stage",
        "address": f"{memory} address" if memory else "address",
        "sample": "sample",
    }
    found = ((name, difference.get(key)) for key, name in names.items())
    where = ", ".join(f"{name} {value}" for name, value in found if value is not None)
    values = ""
    if difference.get("expected") is not None:
        values = f": golden {difference['expected']}, Verilog {difference.get('actual')}"
    note = f" ({difference['note']})" if difference.get("note") else ""
    return f"The first difference is at {where}{values}{note}."
