"""``tenzo bench host``: evaluations of a training step beside PyTorch and NumPy, on all cores."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import numpy as np

from tenzo.sw.benchmarks import cases
from tenzo.sw.benchmarks.cases import Case, make_case
from tenzo.sw.benchmarks.float_network import Array, float_outputs
from tenzo.sw.benchmarks.records import Record, compare, rate
from tenzo.sw.errors import UserError
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.kernels.choice import thread_count
from tenzo.sw.kernels.library import find_library

EXPLANATION = """All queries of one training step, N = 8 directions of both signs, on 128 samples,
on all cores: multiply-accumulates of the plan, times queries and samples, a second. Weights come
from 200 training steps, on synthetic samples where a preset's data is not at hand. Every contender
computes the same function, perturbing included: Tenzo in exact 16-bit integers, equal to its NumPy
definition bit for bit, with its directions drawn and its saturations counted; the others in
float32, with directions given.

`torch-eager` is the plain program: batch first, one query at a time, a `matmul` for each core.
`torch-best` is the fastest of all PyTorch forms that were tried, and stands once more below under
its own name: every form was tried with one thread, with threads inside PyTorch and with Python
threads, and with groups of 1 to 16 queries where it takes several. `torch-merged` multiplies
neighbouring cores with each other before it meets the samples, another algorithm with fewer or
larger products; it is counted as if it made the plan's. `numpy-float32` has samples innermost and a
query on each core. `sgemm-peak` is a large float32 matrix product on every core, about what the
processor reaches at most in float32; with pairs of 16-bit integers the peak is twice that."""
UNIT = "GMAC/s"

_LOG = logging.getLogger(__name__)
_PEAK_SIZE = 1024
_TORCH = "torch-"
_MERGED = "torch-merged"

Contenders = dict[str, Callable[[], float]]


def run(repetitions: int) -> list[Record]:
    """Measure every case: multiply-accumulates of the plan, times queries and samples, a second.

    Perturbing is part of the work, preparing samples and directions is not; Tenzo also makes its
    directions and counts saturations.
    """
    with_torch = find_spec("torch") is not None
    if not with_torch:
        _LOG.warning("PyTorch is not installed and left out: pip install -e .[bench] gets it")
    return [record for name in cases.NAMES for record in _measure(name, repetitions, with_torch)]


def _measure(name: str, repetitions: int, with_torch: bool) -> list[Record]:
    """Return the records of one case."""
    case, cores = make_case(name), thread_count()
    _LOG.info("host, %s: trying forms", name)
    with ThreadPoolExecutor(cores) as pool:
        contenders = _golden(case, cores)
        if with_torch:
            from tenzo.sw.benchmarks.torch_peers import TorchPeers

            contenders |= TorchPeers(case, cores).contenders()
        contenders["numpy-float32"] = partial(_numpy, case, pool, cores)
        contenders["sgemm-peak"] = partial(_peak, pool, cores)
        records = compare("host", name, UNIT, contenders, repetitions)
    return _with_best(records)


def _with_best(records: list[Record]) -> list[Record]:
    """Add the fastest of PyTorch's forms once more, as ``torch-best``; name eager plainly.

    One that multiplies cores beforehand is no form of the same products: it is listed alone.
    """
    forms = [record for record in records if record.contender.startswith(_TORCH)]
    if not forms:
        return records
    same = [record for record in forms if not record.contender.startswith(_MERGED)]
    best = max(same, key=lambda record: record.value)
    _LOG.info("host, %s: torch-best is %s", best.case, best.contender)
    eager = next(record for record in forms if record.contender.startswith("torch-eager"))
    place = records.index(forms[0])
    named = [replace(eager, contender="torch-eager"), replace(best, contender="torch-best")]
    return [*records[:place], *named, *(r for r in records[place:] if r is not eager)]


def _golden(case: Case, cores: int) -> Contenders:
    """Return the golden model with every kernel; all of them must return the same bits."""
    kernels = {"tenzo-numpy": ("numpy", 1)}
    try:
        paths = find_library().working
    except UserError as error:
        _LOG.warning("the compiled kernels are left out: %s", error)
    else:
        kernels = {
            "tenzo": ("native", cores),
            "tenzo-1-core": ("native", 1),
            **{f"tenzo-{path}": (path, cores) for path in paths[1:]},
            **kernels,
        }
    devices = {name: _device(case, *kernel) for name, kernel in kernels.items()}
    expected = _outputs(case, devices["tenzo-numpy"])
    for name, device in devices.items():
        if not np.array_equal(_outputs(case, device), expected):
            raise RuntimeError(f"{name} computes other bits on {case.name}")
    return {name: partial(_measure_device, case, device) for name, device in devices.items()}


def _device(case: Case, kernel: str, threads: int) -> GoldenDevice:
    device = GoldenDevice(case.engine, kernel, threads)
    device.load_program(case.program)
    device.write_parameters(case.weights_raw)
    return device


def _outputs(case: Case, device: GoldenDevice) -> Array:
    """Return all outputs, int64 of shape (queries, samples, outputs)."""
    samples = len(case.samples_raw)
    outputs = np.empty((len(case.queries), samples, case.program.output_count), np.int64)
    for part in device.evaluate(case.samples_raw, case.queries):
        last = part.first_sample + len(part.outputs_raw)
        outputs[part.query, part.first_sample : last] = part.outputs_raw
    return outputs


def _measure_device(case: Case, device: GoldenDevice) -> float:
    time.sleep(0.01)
    return rate(partial(_outputs, case, device), case.macs / 1e9)


def _numpy(case: Case, pool: ThreadPoolExecutor, cores: int) -> float:
    """Measure float32 NumPy, samples innermost, one query at a time, queries shared by threads."""

    def evaluate(query: int) -> Array:
        weights = case.weights + case.signs[query] * case.swings[query]
        return float_outputs(case.stages, weights[None], case.x)

    def step() -> Array:
        return np.concatenate(list(pool.map(evaluate, range(len(case.queries)))))

    case.check("numpy-float32", step().transpose(0, 2, 1))
    return rate(step, case.macs / 1e9)


def _peak(pool: ThreadPoolExecutor, cores: int) -> float:
    """Measure what float32 products reach at most: a large square matrix product on each core."""
    matrices = [np.ones((_PEAK_SIZE, _PEAK_SIZE), np.float32) for _ in range(cores)]

    def step() -> list[Array]:
        return list(pool.map(lambda matrix: matrix @ matrix, matrices))

    return rate(step, cores * _PEAK_SIZE**3 / 1e9)
