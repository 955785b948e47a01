"""How fast simulators of one engine are, measured on the same training steps."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.amaranth_transport import AmaranthTransport
from tenzo.sim.native.device import open_native
from tenzo.sim.verilator import build_cocotb, run_cocotb
from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Device
from tenzo.sw.link.packet_device import PacketDevice
from tenzo.sw.training.trainer import Trainer

MARK = "TENZO-RATE "
"""Begins the line of a simulation's output that holds the rate."""


@dataclass(frozen=True)
class Rate:
    """Training steps, the clock cycles that were simulated for them, and how long it took."""

    steps: int
    cycles: int
    seconds: float

    @property
    def steps_per_second(self) -> float:
        """Training steps a second."""
        return self.steps / self.seconds

    @property
    def cycles_per_second(self) -> float:
        """Clock cycles a second."""
        return self.cycles / self.seconds


def train_timed(config: Config, device: Device, steps: int, cycles: Callable[[], int]) -> Rate:
    """Make training steps on a device; all that comes before the first is not in the time.

    Parameters
    ----------
    config : Config
    device : Device
        A simulated engine.
    steps : int
    cycles : callable
        Returns the clock cycles since the device's simulation began.
    """
    trainer = Trainer(config, device, load_samples(config, made_up=True))
    trainer.start()
    first, start = cycles(), time.perf_counter()
    for _ in range(steps):
        trainer.run_step()
    return Rate(steps, cycles() - first, time.perf_counter() - start)


def native_rate(config: Config, steps: int) -> Rate:
    """Measure the native device."""
    device = open_native(config.engine())
    try:
        return train_timed(config, device, steps, lambda: device.cycles)
    finally:
        device.close()


def amaranth_rate(config: Config) -> Rate:
    """Measure Amaranth's simulator on what comes before the first step: it takes long enough.

    That is to load program and parameters, and one query on the samples of a minibatch.
    """
    transport = AmaranthTransport(config.engine())
    device = PacketDevice(config.engine(), transport, "amaranth")
    trainer = Trainer(config, device, load_samples(config, made_up=True))
    first, start = transport.cycles, time.perf_counter()
    trainer.start()
    return Rate(0, transport.cycles - first, time.perf_counter() - start)


def cocotb_rate(config: Config, steps: int) -> Rate:
    """Measure Verilator under cocotb, as the lockstep proof uses it."""
    build = build_cocotb(engine_verilog(config.engine()), MODULE_NAME)
    rates: list[Rate] = []

    def hear(line: str) -> None:
        _, found, text = line.partition(MARK)
        if found:
            rates.append(Rate(**json.loads(text)))

    with tempfile.TemporaryDirectory(prefix="tenzo-rate-") as name:
        folder = Path(name)
        (folder / "config.toml").write_text(config.toml(), "utf-8")
        run_cocotb(
            build,
            "tenzo.sim.benches.rates",
            results_dir=folder,
            env={"TENZO_CONFIG": str(folder / "config.toml"), "TENZO_STEPS": str(steps)},
            on_line=hear,
        )
    return rates[0]


def tell(rate: Rate) -> None:
    """Print a rate for the process that started the simulation."""
    print(MARK + json.dumps(asdict(rate)), flush=True)
