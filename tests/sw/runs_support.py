"""Small networks and data that the tests of training share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from tenzo.sw.cli import main
from tenzo.sw.configuration.config import Config, load_config

SHORT = (
    "training.steps=40",
    "training.batch=8",
    "training.log_steps=10",
    "training.evaluate_steps=20",
    "training.epsilon=0.01",
    "training.learning_rate=0.003",
    "training.optimiser={name='adam'}",
    "training.schedule={name='cosine'}",
    "training.checkpoint_seconds=1000.0",
)
"""Overrides that make a run of a few hundredths of a second of the preset digits."""


def short_config(*overrides: str) -> Config:
    """Return the preset digits with few steps."""
    return load_config("digits", [*SHORT, *overrides])


def short_arguments(*overrides: str) -> list[str]:
    """Return the same overrides for a command line."""
    return [part for override in (*SHORT, *overrides) for part in ("--set", override)]


def run_tenzo(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, list(arguments))


_START = """
from tenzo.sw.cli import main
from tenzo.sw.training.interruption import Interruption

enter = Interruption.__enter__

def tell(self):
    result = enter(self)
    print("handler is installed", flush=True)
    return result

Interruption.__enter__ = tell
main()
"""


def start_tenzo(arguments: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """Start a command in a process of its own; it prints a line when it can take signals."""
    return subprocess.Popen(
        [sys.executable, "-c", _START, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
