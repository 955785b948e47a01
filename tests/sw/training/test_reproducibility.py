"""The bits of a run on CPUs with other vector units."""

import importlib
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

RUN = """
import hashlib, json, sys, tempfile
from pathlib import Path
from tenzo.sw.configuration.config import load_config
from tenzo.sw.training.runs import open_run
from tenzo.sw.training.training import train

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "run"
    train(load_config("digits", sys.argv[1:]), out=run)
    state = hashlib.sha256()
    for record in open_run(run).metrics():
        record = {k: v for k, v in record.items() if not k.endswith("_seconds")}
        state.update(json.dumps(record, sort_keys=True).encode())
    state.update(open_run(run).load()["weights"].tobytes())
    print(state.hexdigest())
"""
OVERRIDES = (
    "training.steps=60",
    "training.log_steps=5",
    "training.evaluate_steps=20",
    "training.recalibrate_steps=25",
    "training.learning_rate=0.01",
)


def digest(**environment):
    """Digest of metrics and weights of a short run in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", RUN, *OVERRIDES],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def vector_units():
    """Vector units of this CPU that NumPy has code for beyond what it always needs."""
    core = importlib.import_module("numpy._core._multiarray_umath")

    return [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]


@pytest.fixture(scope="module")
def usual():
    return digest()


@pytest.mark.skipif(not vector_units(), reason="this CPU has no vector unit to switch off")
def test_bits_do_not_depend_on_the_vector_units_of_numpy(usual):
    assert digest(NPY_DISABLE_CPU_FEATURES=",".join(vector_units())) == usual


@pytest.mark.parametrize("kernel", ["Prescott", "Haswell"])
def test_bits_do_not_depend_on_the_kernels_of_blas(usual, kernel):
    assert digest(OPENBLAS_CORETYPE=kernel) == usual


def test_bits_do_not_depend_on_the_threads_of_blas(usual):
    assert digest(OPENBLAS_NUM_THREADS="2") == usual
