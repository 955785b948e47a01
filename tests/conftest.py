"""Settings and fixtures that every test shares."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator

# Before NumPy and Matplotlib are imported: one thread for each parallel test, and no windows.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import settings

#: Set by `make soak`: how many random networks to draw.
SOAK_EXAMPLES = int(os.environ.get("TENZO_SOAK", "0"))

# The same examples in every run: a failure is not a matter of luck. The soak looks for new ones.
settings.register_profile("default", derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "soak", max_examples=SOAK_EXAMPLES or 10_000, derandomize=False, deadline=None, print_blob=True
)
settings.load_profile("soak" if SOAK_EXAMPLES else "default")


@pytest.fixture(autouse=True)
def restore_signal_handlers() -> Iterator[None]:
    """Undo what a command leaves behind that expects its process to end."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Path of a system tool; a missing one skips the test, but fails it when CI is set."""

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"{name} is not installed")
        return path

    return require
