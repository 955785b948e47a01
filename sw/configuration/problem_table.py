"""The table ``[problem]`` of a configuration: what is solved without data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tenzo.sw.configuration.tables import Table
from tenzo.sw.errors import UserError

RESIDUAL = "residual"
"""The loss of a problem, as ``training.loss`` names it."""


class DerivativesTable(Table):
    """How derivatives are taken; a kind takes the options of its class only."""

    name: Literal["central", "sparse-grid", "monte-carlo"] = "central"
    step: float | None = None
    sigma: float | None = None
    level: int | None = None
    pairs: int | None = None


class ProblemTable(Table):
    """What is solved: one of ``name``, ``file`` and ``entry_point``."""

    name: str | None = None
    file: str | None = None
    entry_point: str | None = None
    derivatives: DerivativesTable = DerivativesTable()
    test_points: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    validation_points: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000

    @model_validator(mode="after")
    def _check_source(self) -> ProblemTable:
        keys = ("name", "file", "entry_point")
        given = [key for key in keys if getattr(self, key)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise UserError(f"must hold exactly one of name, file and entry_point, not {found}")
        return self


def with_residual_loss(document: Any) -> Any:
    """Return a document whose ``training.loss`` is the residual, if it has a problem.

    Raises
    ------
    UserError
        If it has data as well, or names another loss, or has that loss and no problem.
    """
    if not isinstance(document, dict):
        return document
    training = document.get("training")
    if document.get("problem") is None:
        if isinstance(training, dict) and training.get("loss") == RESIDUAL:
            raise UserError("problem is missing: the loss residual is that of a problem")
        return document
    if document.get("data") is not None:
        raise UserError("data must be left out of a configuration with a problem: remove one")
    if not isinstance(training, dict):
        return document
    if training.get("loss", RESIDUAL) != RESIDUAL:
        raise UserError(
            f"training.loss must be left out, since the problem has its own, not "
            f"{training['loss']!r}"
        )
    return {**document, "training": {**training, "loss": RESIDUAL}}
