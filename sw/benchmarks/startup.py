"""``tenzo bench startup``: how long a command takes to answer, beside Python itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from tenzo.sw.benchmarks.records import Record, compare

EXPLANATION = """Seconds from the start of a process to its end, the interpreter's own included."""

_TENZO = "from tenzo.sw.cli import main; main()"

COMMANDS: dict[str, tuple[str, ...]] = {
    "tenzo --help": ("-c", _TENZO, "--help"),
    "tenzo plan digits": ("-c", _TENZO, "plan", "digits"),
    "python -c pass": ("-c", "pass"),
    "python -c 'import numpy'": ("-c", "import numpy"),
}
"""Arguments of the interpreter."""


def run(repetitions: int) -> list[Record]:
    """Measure seconds from the start of the process to its end."""
    contenders: dict[str, Callable[[], float]] = {
        name: partial(seconds, arguments) for name, arguments in COMMANDS.items()
    }
    for arguments in COMMANDS.values():  # reads the files once
        seconds(arguments)
    return compare("startup", "seconds to the end", "s", contenders, repetitions)


def seconds(arguments: Sequence[str]) -> float:
    """Return how long the interpreter takes; :class:`RuntimeError` if it fails."""
    start = time.perf_counter()
    result = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    elapsed = time.perf_counter() - start
    if result.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ends with status {result.returncode}")
    return elapsed
