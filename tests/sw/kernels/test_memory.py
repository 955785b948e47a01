"""Memory of a step: it does not grow with the number of queries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = """
import resource
import sys
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.datasets import synthetic
from tenzo.sw.data.samples import quantize_dataset
from tenzo.sw.devices import open_device
from tenzo.sw.training.trainer import Trainer

config = load_config("mnist-1024", ["training.batch=2000", f"training.queries={sys.argv[1]}"])
samples = quantize_dataset(synthetic(784, 10, 2000), config.activation_format())
trainer = Trainer(config, open_device("golden", config.engine(), "native"), samples)
trainer.start()
print(trainer.run_step(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kilobytes(queries: int) -> int:
    """Peak memory of a process that makes one training step of mnist-1024, batch 2000."""
    environment = {**os.environ, "TENZO_THREADS": "2"}
    result = subprocess.run(
        [sys.executable, "-c", STEPS, str(queries)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(sys.executable).parent,
        env=environment,
    )
    return int(result.stdout.split()[1])


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_queries() -> None:
    few, many = (min(peak_kilobytes(queries) for _ in range(2)) for queries in (1, 64))
    assert many < 1.05 * few, f"{few} kB with 1 query, {many} kB with 64"
