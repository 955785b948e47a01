"""``tenzo bench train``: training steps a second on digits, beside float32 NumPy."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tenzo.sw.benchmarks.float_trainer import FloatTrainer
from tenzo.sw.benchmarks.records import Record, compare
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.datasets import load_digits
from tenzo.sw.data.samples import load_samples
from tenzo.sw.kernels.choice import default_kernel
from tenzo.sw.training.training import train

EXPLANATION = """Whole training steps of `digits`, four queries of 32 samples each. Tenzo's are a
run: metrics, an evaluation on validation data and checkpoints included. The peer makes bare steps,
all queries in one product, on one core."""
STEPS = 1000
"""Steps of one measurement."""


def run(repetitions: int) -> list[Record]:
    """Measure the preset digits, N = 2, batch 32."""
    overrides = (f"training.steps={STEPS}", "training.queries=2", "training.batch=32")
    config = load_config("digits", overrides)
    samples = load_samples(config)
    peer = FloatTrainer(config.network(), load_digits(), queries=2, batch=32)

    def golden(kernel: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            summary = train(config, out=out, samples=samples, kernel=kernel)
        return STEPS / summary.train_seconds

    def float32() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            peer.run_step()
        return STEPS / (time.perf_counter() - start)

    contenders: dict[str, Callable[[], float]] = {}
    if default_kernel() != "numpy":
        contenders["tenzo"] = partial(golden, default_kernel())
    contenders |= {"tenzo-numpy": partial(golden, "numpy"), "numpy-float32": float32}
    return compare("train", "digits, N 2, batch 32", "steps/s", contenders, repetitions)
