"""Calls of a problem's methods that name what a user's file gets wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tenzo.sw.errors import CODE_ERRORS, UserError, code_error
from tenzo.sw.numerics import FloatArray
from tenzo.sw.problems.problem import Problem

_METHODS = {
    "points": "one row per point",
    "losses": "one float per query",
    "solution": "one float per point",
    "exact": "one float per point",
}
"""Methods and what they return."""


def title(problem: Problem | type[Problem]) -> str:
    """Return what messages call a problem: the name of its class."""
    kind = problem if isinstance(problem, type) else type(problem)
    return f"problem {kind.__name__}"


def ask(problem: Problem, method: str, shape: tuple[int, ...], *arguments: Any) -> FloatArray:
    """Call a method of a problem and return its result, float64 of this shape.

    Raises
    ------
    UserError
        If it fails, or returns something else.
    """
    try:
        result = np.asarray(getattr(problem, method)(*arguments))
    except UserError as error:
        raise UserError(f"{title(problem)}, {method}: {error}") from error
    except CODE_ERRORS as error:
        raise UserError(
            f"{title(problem)}: {method} failed, mend it: {code_error(error)}"
        ) from error
    if result.shape != shape or result.dtype.kind not in "fiu":
        raise UserError(
            f"{title(problem)}: {method} must return {_METHODS[method]}, numbers of shape {shape}, "
            f"not {result.dtype} of shape {result.shape}"
        )
    return result.astype(np.float64)


def check_problem(kind: type[Problem]) -> None:
    """Refuse a class of problems that lacks something, before it is used.

    Raises
    ------
    UserError
        If a method or ``inputs`` is missing, or sets are not as they should be.
    """
    missing = [name for name in _METHODS if name in getattr(kind, "__abstractmethods__", ())]
    if missing:
        raise UserError(
            f"{title(kind)} lacks the method {missing[0]!r}: define it, see "
            "docs/how-to-add-a-problem.md"
        )
    inputs = getattr(kind, "inputs", None)
    if not isinstance(inputs, int) or inputs < 1:
        raise UserError(f"{title(kind)}: inputs must be 1 or more, not {inputs!r}")
    shares = list(kind.sets.values())
    if not shares or not all(isinstance(share, (int, float)) and share > 0 for share in shares):
        raise UserError(
            f"{title(kind)}: sets must name one set of points or more, each with a number above 0, "
            f"not {dict(kind.sets)!r}"
        )
    unknown = [name for name in kind.differentiated if name not in kind.sets]
    if unknown:
        raise UserError(
            f"{title(kind)}: differentiated must name sets, one of {', '.join(kind.sets)}, not "
            f"{unknown[0]!r}"
        )
    axes = kind.laplacian_axes
    if axes is not None and not (axes and all(axis in range(inputs) for axis in axes)):
        raise UserError(
            f"{title(kind)}: laplacian_axes must name inputs, 0 to {inputs - 1}, not {axes!r}"
        )
    picture = kind.picture
    if (
        not isinstance(picture, Mapping)
        or len(picture) > 2
        or not all(axis in range(inputs) for axis in picture)
    ):
        raise UserError(
            f"{title(kind)}: picture must map one or two of the inputs 0 to {inputs - 1} to "
            f"labels, not {picture!r}"
        )
    if not (isinstance(kind.tolerated_noise, (int, float)) and kind.tolerated_noise > 0):
        raise UserError(
            f"{title(kind)}: tolerated_noise must be a number above 0, not {kind.tolerated_noise!r}"
        )
