"""Problems by name, or from a user's file."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path

from tenzo.sw.configuration.entry_points import load_entry_point
from tenzo.sw.errors import CODE_ERRORS, UserError
from tenzo.sw.problems.checks import check_problem
from tenzo.sw.problems.problem import Problem

PROBLEMS = {
    "black-scholes": ("black_scholes", "BlackScholes"),
    "hjb20": ("hjb20", "Hjb20"),
    "poisson10": ("poisson10", "Poisson10"),
}
"""Module and class of each problem that ships with the package."""


def make_problem(
    name: str | None = None, file: str | None = None, entry_point: str | None = None
) -> Problem:
    """Return a problem, checked.

    Parameters
    ----------
    name : :class:`str`, optional
        One of :data:`PROBLEMS`.
    file : :class:`str`, optional
        Path to a Python file that defines one subclass of :class:`Problem`.
    entry_point : :class:`str`, optional
        ``module:Class``.

    Raises
    ------
    UserError
        If there is no such problem, or a class lacks something.
    """
    if name is not None:
        if name not in PROBLEMS:
            known = ", ".join(sorted(PROBLEMS))
            raise UserError(
                f"problem.name must be one of {known}, not {name!r}; for your own give problem.file"
            )
        module, attribute = PROBLEMS[name]
        kind = getattr(import_module(f"tenzo.sw.problems.{module}"), attribute)
    elif file is not None:
        kind = _class_in(Path(file))
    else:
        kind = load_entry_point(str(entry_point), "problem")
        if not (isinstance(kind, type) and issubclass(kind, Problem)):
            raise UserError(
                f"problem.entry_point must name a subclass of tenzo.Problem, not {entry_point!r}"
            )
    check_problem(kind)
    problem: Problem = kind()
    return problem


def _class_in(path: Path) -> type[Problem]:
    """Return the one subclass of :class:`Problem` that a file defines."""
    if not path.is_file():
        raise UserError(f"problem.file {path} does not exist: name a Python file")
    module_name = f"tenzo_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"problem.file must be a Python file, NAME.py, not {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except CODE_ERRORS as error:
        raise UserError(f"problem.file {path} cannot be loaded, mend it: {error}") from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Problem)
        and value.__module__ == module_name
    ]
    if len(found) != 1:
        names = ", ".join(kind.__name__ for kind in found) or "none"
        raise UserError(
            f"problem.file {path} must define one subclass of tenzo.Problem, not {names}"
        )
    return found[0]
