"""The table ``[training]``: its keys, defaults and ranges, and which of them go together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tenzo.sw.configuration.tables import Positive, Table
from tenzo.sw.errors import UserError
from tenzo.sw.training.optimisers import Optimiser, make_optimiser
from tenzo.sw.training.schedules import Schedule, make_schedule

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


class OptimiserTable(Table):
    """What turns gradients into steps; a kind takes the options of its class only."""

    name: Literal["sgd", "momentum", "adam", "sign-momentum", "sign-sgd"] = "adam"
    beta: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    epsilon: float | None = None


class ScheduleTable(Table):
    """How the learning rate falls; a kind takes the options of its class only."""

    name: Literal["constant", "cosine", "step"] = "constant"
    final_rate: float | None = None
    factor: float | None = None
    interval: int | None = None


class HybridTable(Table):
    """The second phase of the hybrid estimator, and when it begins.

    ``then`` is its estimator; ``switch_step`` the steps of the first phase, or ``patience`` the
    evaluations in a row without a lower validation loss that end it. ``learning_rate`` and
    ``schedule`` are of the second phase, ``optimiser`` too, ``epsilon`` its step of a parameter:
    those of ``[training]`` unless given.
    """

    then: Literal["cge", "sign-descent"] = "cge"
    switch_step: Positive | None = None
    patience: Positive | None = None
    learning_rate: Rate
    optimiser: OptimiserTable | None = None
    schedule: ScheduleTable = ScheduleTable()
    epsilon: Rate | None = None

    @model_validator(mode="after")
    def _check_values(self) -> HybridTable:
        if self.optimiser is not None:
            make_optimiser(size=1, **self.optimiser.model_dump(exclude_none=True))
        self.make_schedule()
        return self

    def make_schedule(self) -> Schedule:
        """Return the schedule of the learning rate."""
        return _schedule(self.schedule, self.learning_rate)


class TrainingTable(Table):
    """How to train."""

    steps: Positive
    batch: Positive
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 1
    estimator: Literal["rge", "cge", "sign-descent", "hybrid"] = "rge"
    queries: Positive = 2
    one_sided: bool = False
    shrink: bool = False
    perturb: Literal["network", "layer", "core"] = "network"
    coordinates: Positive | None = None
    central: bool = False
    form: Literal["batch", "greedy"] | None = None
    hybrid: HybridTable | None = None
    epsilon: Rate = 0.01
    distribution: Literal["rademacher", "uniform", "binomial"] = "rademacher"
    bits: Annotated[int, Field(ge=1, le=8)] = 1
    loss: str = "cross-entropy"
    learning_rate: Rate
    optimiser: OptimiserTable = OptimiserTable()
    schedule: ScheduleTable = ScheduleTable()
    rounding: Literal["nearest", "stochastic"] = "nearest"
    average: Annotated[float, Field(ge=0, le=1)] = 0.0
    calibration_samples: Positive = 256
    headroom_bits: Annotated[int, Field(ge=0, le=8)] = 1
    result_headroom_bits: Annotated[int, Field(ge=0, le=8)] = 3
    recalibrate_steps: Count = 0
    recalibrate_saturation: Annotated[float, Field(ge=0, lt=1)] = 1e-4
    evaluate_steps: Count = 1000
    log_steps: Positive = 100
    checkpoint_steps: Count = 0
    checkpoint_seconds: Rate = 10.0

    @property
    def first_estimator(self) -> str:
        """The estimator of the first step: random for the hybrid."""
        return "rge" if self.estimator == "hybrid" else self.estimator

    @property
    def estimators(self) -> tuple[str, ...]:
        """All estimators of the run: two for the hybrid."""
        later = [self.hybrid.then] if self.hybrid else []
        return (self.first_estimator, *later)

    @model_validator(mode="after")
    def _check_values(self) -> TrainingTable:
        if self.seed == 0:
            raise UserError("seed must be 1 or more, not 0: a register seeded with zero stays zero")
        if self.distribution == "rademacher" and self.bits != 1:
            raise UserError(f"bits must be 1 for 'rademacher', not {self.bits}")
        _check_hybrid(self)
        _check_options(self)
        self.make_optimiser(1)
        self.make_schedule()
        return self

    def make_optimiser(self, size: int, table: OptimiserTable | None = None) -> Optimiser:
        """Return the optimiser for ``size`` weights: that of ``table``, or the first phase's."""
        return make_optimiser(size=size, **(table or self.optimiser).model_dump(exclude_none=True))

    def make_schedule(self) -> Schedule:
        """Return the schedule of the learning rate: of the first phase."""
        return _schedule(self.schedule, self.learning_rate)


def _schedule(table: ScheduleTable, learning_rate: float) -> Schedule:
    """Return a schedule from its table."""
    return make_schedule(learning_rate=learning_rate, **table.model_dump(exclude_none=True))


_OWNERS = {
    "one_sided": ("rge",),
    "shrink": ("rge",),
    "perturb": ("rge",),
    "coordinates": ("cge", "sign-descent"),
    "central": ("cge",),
    "form": ("sign-descent",),
}
"""Options, and the estimators that they are for; of a hybrid, one of its phases."""


def without_foreign_options(written: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the options that belonged to the estimator of the file.

    If overrides name another estimator, what the file says about its own goes with it; options
    that the overrides give stay, and are refused where they make no sense.

    Parameters
    ----------
    written, changed : :class:`dict`
        Document of the file, before and after overrides.
    """
    before, after = written.get("training"), changed.get("training")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return changed
    estimator = after.get("estimator", "rge")
    if estimator == before.get("estimator", "rge"):
        return changed
    hybrid = after.get("hybrid")
    then = hybrid.get("then", "cge") if isinstance(hybrid, dict) else None
    present = {"rge", then} if estimator == "hybrid" else {estimator}
    owners = {**_OWNERS, "hybrid": ("rge",) if estimator == "hybrid" else ()}
    foreign = [key for key in owners if key in before and before[key] == after.get(key)]
    dropped = [key for key in foreign if not set(owners[key]) & present]
    return {**changed, "training": {k: v for k, v in after.items() if k not in dropped}}


def _check_options(training: TrainingTable) -> None:
    """Refuse options of another estimator."""
    fields = type(training).model_fields
    for key, owners in _OWNERS.items():
        value: Any = getattr(training, key)
        if value != fields[key].default and not set(owners) & set(training.estimators):
            raise UserError(
                f"{key} is an option of estimator {' or '.join(map(repr, owners))}, not of "
                f"{' and '.join(map(repr, training.estimators))}: remove it"
            )


def _check_hybrid(training: TrainingTable) -> None:
    """Refuse a hybrid without its table, a table without a hybrid, and switches that never come."""
    hybrid = training.hybrid
    if (hybrid is None) == (training.estimator == "hybrid"):
        if hybrid is None:
            raise UserError(
                "estimator 'hybrid' needs a table [training.hybrid] with learning_rate, and "
                "switch_step or patience: add it"
            )
        raise UserError(f"hybrid is for estimator 'hybrid', not {training.estimator!r}: remove it")
    if hybrid is None:
        return
    if (hybrid.switch_step is None) == (hybrid.patience is None):
        raise UserError("hybrid must hold switch_step or patience, one of them")
    if hybrid.switch_step is not None and hybrid.switch_step >= training.steps:
        raise UserError(
            f"hybrid must hold a switch_step below training.steps, {training.steps}, not "
            f"{hybrid.switch_step}: the second phase would never begin"
        )
    if hybrid.patience is not None and not training.evaluate_steps:
        raise UserError(
            "hybrid must hold switch_step instead of patience, which counts evaluations, while "
            "training.evaluate_steps is 0"
        )
