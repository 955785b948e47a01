"""``tenzo bench train``: training steps a second on digits, beside float32 NumPy, on one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tenzo.sw.benchmarks.float_trainer import FloatTrainer
from tenzo.sw.benchmarks.records import Record, compare
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.datasets import load_digits
from tenzo.sw.data.samples import load_samples
from tenzo.sw.training.training import train

STEPS = 1000
"""Steps of one measurement."""


def run(repetitions: int) -> list[Record]:
    """Measure the preset digits, N = 2, batch 32.

    Golden is a whole run: metrics, an evaluation on validation data and checkpoints included. The
    peer makes bare steps.
    """
    overrides = (f"training.steps={STEPS}", "training.queries=2", "training.batch=32")
    config = load_config("digits", overrides)
    samples = load_samples(config)
    peer = FloatTrainer(config.network(), load_digits(), queries=2, batch=32)

    def golden() -> float:
        with tempfile.TemporaryDirectory() as folder:
            summary = train(config, out=Path(folder) / "run", samples=samples)
        return STEPS / summary.train_seconds

    def float32() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            peer.run_step()
        return STEPS / (time.perf_counter() - start)

    contenders = {"tenzo golden, 16 bits": golden, "NumPy float32": float32}
    return compare("train", "digits, N 2, batch 32", "steps/s", contenders, repetitions)
