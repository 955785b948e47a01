"""cocotb test that runs a lockstep: the simulated half of ``tenzo cosim``.

Environment: ``TENZO_JOB``, a JSON file with ``config`` (a TOML file), ``steps``, ``saturating``
and ``checkpoint`` (a path or null).
Each line that begins with :data:`tenzo.sim.cosim.MARK` goes on with a JSON document for the parent.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import bridge
from cocotb.triggers import Timer

from tenzo.sim.bench import CLOCK_NS, cycles_now, start
from tenzo.sim.cocotb_device import CocotbTransport
from tenzo.sim.cosim import MARK
from tenzo.sim.lockstep import Lockstep
from tenzo.sim.verdict import Verdict
from tenzo.sw.configuration.config import load_config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.training.checkpoint import load_checkpoint

_NEWS_CYCLES = 100_000


@cocotb.test()
async def lockstep(dut: HierarchyObject) -> None:
    """Train on both; a difference is a result, not a failure of this test."""
    job = json.loads(Path(os.environ["TENZO_JOB"]).read_text())
    await start(dut)
    cocotb.start_soon(_tell_cycles())
    verdict = await bridge(_run)(dut, job)
    _tell({"verdict": verdict.document()})


def _run(dut: HierarchyObject, job: dict[str, Any]) -> Verdict:
    config = load_config(job["config"])
    samples = load_samples(config, made_up=True)
    engine = config.engine()
    device = PacketDevice(engine, CocotbTransport(dut), "rtl")
    pair = Lockstep(config, samples, GoldenDevice(engine, "numpy"), device, job["saturating"])
    trained = load_checkpoint(Path(job["checkpoint"])) if job["checkpoint"] else None
    return pair.run(job["steps"], lambda verdict: _tell({"steps": verdict.steps}), trained)


async def _tell_cycles() -> None:
    while True:
        await Timer(_NEWS_CYCLES * CLOCK_NS, "ns")
        _tell({"cycles": cycles_now()})


def _tell(news: dict[str, Any]) -> None:
    print(MARK + json.dumps(news), flush=True)
