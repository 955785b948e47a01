"""``tenzo bench cosim``: how fast the simulated engine of digits is, beside other simulators."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tenzo.sw.benchmarks.records import Record, summarise
from tenzo.sw.configuration.config import load_config

EXPLANATION = """The engine of `digits` with eight lanes, driven by packets: compiled and alone
(`--device verilator`), compiled and under cocotb (`tenzo cosim`), and in Amaranth's own simulator.
Building and starting are not in the times. Amaranth's simulator loads the engine and runs one query
on one wave; the others make training steps."""
NATIVE_STEPS = 20

_LOG = logging.getLogger(__name__)
_BATCH = 32


def run(repetitions: int) -> list[Record]:
    """Measure clock cycles and training steps a second: eight lanes, N = 2, batch 32.

    Amaranth's simulator is too slow for a step; it loads the engine and runs one query on one wave.
    """
    from tenzo.sim.rates import Rate, amaranth_rate, cocotb_rate, native_rate

    overrides = ("training.queries=2", "engine.lane_count=8")
    config = load_config("digits", (*overrides, f"training.batch={_BATCH}"))
    wave = load_config("digits", (*overrides, "training.batch=8"))
    contenders: dict[str, Callable[[], Rate]] = {
        "verilator": lambda: native_rate(config, NATIVE_STEPS),
        "cocotb": lambda: cocotb_rate(config, 1),
        "amaranth": lambda: amaranth_rate(wave),
    }
    _LOG.info("cosim: building the simulators of digits, kept for the next time")
    for name in ("verilator", "cocotb"):
        contenders[name]()
    rates: dict[str, list[Rate]] = {name: [] for name in contenders}
    for repetition in range(repetitions):
        _LOG.info("cosim: repetition %d of %d", repetition + 1, repetitions)
        for name, measure in contenders.items():
            rates[name].append(measure())
    case = "digits, 8 lanes"
    records = [
        summarise("cosim", case, name, "cycles/s", [rate.cycles_per_second for rate in values])
        for name, values in rates.items()
    ]
    case = f"training digits, 8 lanes, N 2, batch {_BATCH}"
    return records + [
        summarise("cosim", case, name, "steps/s", [rate.steps_per_second for rate in values])
        for name, values in rates.items()
        if all(rate.steps for rate in values)
    ]
