"""Derivatives by the name that a configuration uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenzo.sw.configuration.options import build
from tenzo.sw.derivatives.central import CentralDifferences
from tenzo.sw.derivatives.stein import MonteCarloStein, SparseGridStein
from tenzo.sw.derivatives.stencil import Derivatives
from tenzo.sw.formats import Format

DERIVATIVES: dict[str, Callable[..., Derivatives]] = {
    "central": CentralDifferences,
    "monte-carlo": MonteCarloStein,
    "sparse-grid": SparseGridStein,
}


def make_derivatives(name: str, inputs: int, activation: Format, **options: Any) -> Derivatives:
    """Return a way of taking derivatives by its name.

    Raises
    ------
    UserError
        If the name or an option is unknown, or a value out of range.
    """
    required = {"inputs": inputs, "activation": activation}
    return build("problem.derivatives.name", DERIVATIVES, name, required, options)
