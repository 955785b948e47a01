"""Lockstep of the golden model and the Verilated engine, as one call: rung 4 for a user."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.inject import inject
from tenzo.sim.verdict import Verdict
from tenzo.sim.verilator import build_cocotb, run_cocotb
from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import load_samples
from tenzo.sw.errors import UserError
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.sweep_program import sweep_cycles
from tenzo.sw.training.minibatches import samples_per_step

MARK = "TENZO-COSIM "
"""Begins each line of the simulation's output that is meant for this module."""

SHORT_PROGRAM_CYCLES = 20_000
"""Programs up to this length run with a whole minibatch, of :data:`SHORT_BATCH` at most."""

SHORT_BATCH = 32

News = Callable[[dict[str, Any]], None]


def cosim(
    config: Config,
    steps: int = 3,
    batch: int | None = None,
    fault: str | None = None,
    on_news: News | None = None,
    checkpoint: Path | None = None,
) -> Verdict:
    """Train on the golden model and on the Verilated engine, and compare every number.

    Where the data is not there, made-up samples of the right shape take its place.

    Parameters
    ----------
    config : :class:`Config`
    steps : :class:`int`
        Training steps, at least 1.
    batch : :class:`int`, optional
        Samples of a minibatch; :func:`default_batch` unless given.
    fault : :class:`str`, optional
        Put a fault into the Verilog, see :func:`tenzo.sim.inject.inject`.
    on_news : callable, optional
        Called with documents: ``{"building": True}``, then ``{"total_cycles": n}``, ``{"cycles":
        n}`` and ``{"steps": n}`` as the simulation goes on.
    checkpoint : path, optional
        Both sides start with its weights and shifts; initial weights unless given.

    Raises
    ------
    UserError
        If the configuration does not fit, or a tool is missing.
    BuildError, SimulationError
        If the Verilog does not build or the simulation fails.
    """
    if steps < 1:
        raise UserError(f"--steps must be at least 1, not {steps!r}")
    config = with_batch(config, default_batch(config) if batch is None else batch)
    load_samples(config, made_up=True)
    tell = on_news or (lambda news: None)
    tell({"building": True})
    engine = config.engine()
    text = engine_verilog(engine)
    if fault:
        text = inject(text, fault, engine, plan(config.network(), engine).program)
    build = build_cocotb(text, MODULE_NAME)
    tell({"total_cycles": steps * step_cycles(config)})
    job = {
        "steps": steps,
        "saturating": fault == "saturate",
        "checkpoint": str(checkpoint.absolute()) if checkpoint else None,
    }
    return _simulate(config, job, build, tell)


def _simulate(config: Config, job: dict[str, Any], build: Any, tell: News) -> Verdict:
    """Run the lockstep in the simulator's process."""
    documents: list[dict[str, Any]] = []

    def hear(line: str) -> None:
        _, found, text = line.partition(MARK)
        if found:
            document = json.loads(text)
            if "verdict" in document:
                documents.append(document["verdict"])
            else:
                tell(document)

    with tempfile.TemporaryDirectory(prefix="tenzo-cosim-") as name:
        folder = Path(name)
        (folder / "config.toml").write_text(config.toml(), "utf-8")
        job = {**job, "config": str(folder / "config.toml")}
        (folder / "job.json").write_text(json.dumps(job))
        run_cocotb(
            build,
            "tenzo.sim.benches.cosim",
            results_dir=folder,
            env={"TENZO_JOB": str(folder / "job.json")},
            on_line=hear,
        )
    return Verdict.from_document(documents[-1])


def default_batch(config: Config) -> int:
    """Return the minibatch of a step unless told: few samples where a program is long.

    At least one sample more than there are lanes, so that a second, partial wave runs.
    """
    short = plan(config.network(), config.engine()).cycles <= SHORT_PROGRAM_CYCLES
    most = SHORT_BATCH if short else config.engine_table.lane_count + 1
    if config.problem is None:
        return min(config.training.batch, most)
    fits = (
        batch
        for batch in range(1, config.training.batch)
        if samples_per_step(with_batch(config, batch)) >= most
    )
    return next(fits, config.training.batch)


def with_batch(config: Config, batch: int) -> Config:
    """Return a configuration with another minibatch."""
    if batch < 1:
        raise UserError(f"--batch must be at least 1, not {batch!r}")
    training = config.training.model_copy(update={"batch": batch})
    return config.model_copy(update={"training": training})


def step_cycles(config: Config) -> int:
    """Return the engine's cycles of a training step: all queries on all waves.

    Of random subsets of the coordinates it is the mean; of other estimators than those by
    random queries and by coordinates, what random queries would take.
    """
    engine, training = config.engine(), config.training
    waves = -(-samples_per_step(config) // engine.lane_count)
    planned = plan(config.network(), engine)
    if training.estimator != "cge":
        return 2 * training.queries * waves * planned.cycles
    size = planned.parameter_count
    count = min(training.coordinates or size, size)
    sweep = planned.cycles + round(sweep_cycles(planned.program, engine) * count / size)
    return waves * (planned.cycles + (2 if training.central else 1) * sweep)
