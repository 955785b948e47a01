"""cocotb test that measures training steps: the simulated half of ``tenzo bench cosim``.

Environment: ``TENZO_CONFIG``, a TOML file, and ``TENZO_STEPS``.
"""

from __future__ import annotations

import os

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import bridge

from tenzo.sim.bench import cycles_now, start
from tenzo.sim.cocotb_device import CocotbTransport
from tenzo.sim.rates import tell, train_timed
from tenzo.sw.configuration.config import load_config
from tenzo.sw.link.packet_device import PacketDevice


@cocotb.test()
async def rate(dut: HierarchyObject) -> None:
    """Measure."""
    await start(dut)
    await bridge(_run)(dut)


def _run(dut: HierarchyObject) -> None:
    config = load_config(os.environ["TENZO_CONFIG"])
    device = PacketDevice(config.engine(), CocotbTransport(dut), "cocotb")
    tell(train_timed(config, device, int(os.environ["TENZO_STEPS"]), cycles_now))
