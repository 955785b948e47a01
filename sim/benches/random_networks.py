"""cocotb test: random networks on golden model and engine, drawn and shrunk by Hypothesis.

One network for every ten runs coordinate sweeps as well.
Environment: ``TENZO_ENGINE``, a name in ``tenzo.sim.random_engines``; ``TENZO_EXAMPLES``, how many
networks; ``TENZO_DERANDOMIZE``, 1 for the same networks in every run.
"""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import bridge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenzo.sim.bench import start
from tenzo.sim.cocotb_device import CocotbTransport
from tenzo.sim.fixed_cases import (
    long_case,
    one_hot_case,
    plain_case,
    slice_cases,
    table_cases,
)
from tenzo.sim.random_cases import Case, cases
from tenzo.sim.random_check import CaseChecker, with_stage
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sim.random_sweeps import SweepCase, check_sweep, sweep_cases
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.packet_device import PacketDevice

ENOUGH = 100
"""Drawn networks among which everything must occur."""


@cocotb.test()
async def golden_and_engine_agree(dut: HierarchyObject) -> None:
    """Every network gives the same outputs and counters, and everything occurred."""
    await start(dut)
    await bridge(_check_all)(dut)


def _check_all(dut: HierarchyObject) -> None:
    engine = RANDOM_ENGINES[os.environ["TENZO_ENGINE"]]
    transport = CocotbTransport(dut)
    device = PacketDevice(engine, transport)
    golden, examples = GoldenDevice(engine, "numpy"), int(os.environ["TENZO_EXAMPLES"])
    fixed, drawn = (CaseChecker(engine, golden, device) for _ in range(2))
    _check_every_shift_and_wait(fixed)
    several = (*slice_cases(engine), *table_cases(engine))
    for case in (long_case(engine), one_hot_case(engine), *several):
        fixed.check(case)

    @settings(
        max_examples=examples,
        derandomize=os.environ.get("TENZO_DERANDOMIZE") == "1",
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(engine), st.integers(0, 3))
    def agree(case: Case, pace: int) -> None:
        # One case in four with gaps between words and a receiver that is often not ready.
        transport.driver.gaps = cycle([0, 3, 1, 0, 0, 7] if pace == 3 else [0])
        transport.monitor.stalls = cycle([5, 0, 0, 2, 1]) if pace == 3 else None
        drawn.check(case)

    @settings(
        max_examples=-(-examples // 10),
        derandomize=os.environ.get("TENZO_DERANDOMIZE") == "1",
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(sweep_cases(engine))
    def sweep(case: SweepCase) -> None:
        check_sweep(case, golden, device)

    agree()
    sweep()
    Path("report.json").write_text(drawn.report())
    missing = fixed.missing_steps()
    if examples >= ENOUGH:
        missing += drawn.missing_facts()
    assert not missing, f"never occurred: {', '.join(missing)}"


def _check_every_shift_and_wait(checker: CaseChecker) -> None:
    """Set every shift on every stage of a small program, and every wait before its second."""
    case = plain_case(checker.engine)
    last = len(case.program.stages) - 1
    for shift in range(checker.engine.max_shift + 1):
        checker.check(with_stage(case, shift % last, shift=shift))
        checker.check(with_stage(case, last, shift=shift))
    for wait in range(case.program.stages[1].wait_cycles, checker.longest_wait + 1):
        checker.check(with_stage(case, 1, wait_cycles=wait))
