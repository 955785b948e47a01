"""``--set key=value``: values of a configuration given on the command line, or in Python."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

from tenzo.sw.errors import UserError

Overrides: TypeAlias = Sequence[str] | Mapping[str, Any]
"""Texts ``key=value``, or keys and values."""


def apply_overrides(document: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    """Return a copy of a configuration with other values.

    Parameters
    ----------
    document : :class:`dict`
        A parsed TOML file.
    overrides : sequence of :class:`str`, or mapping
        Each ``key=value``. A key is a dotted path; a number in it counts the elements of a list
        from 0. A value is TOML (``0.5``, ``true``, ``[4, 4]``), or else taken as a string; in a
        mapping it is what it is.

    Raises
    ------
    UserError
        If an override has no ``=``, or its key leads through something that is no table.
    """
    document = deepcopy(document)
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            _assign(document, key.split("."), deepcopy(value), f"{key}={value}")
        return document
    for override in overrides:
        key, separator, text = override.partition("=")
        path = key.strip().split(".")
        if not separator or not all(path):
            raise UserError(f"--set must be given key=value, not {override!r}")
        _assign(document, path, parse_value(text.strip()), override)
    return document


def parse_value(text: str) -> Any:
    """Parse a TOML value; what is none is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _assign(document: dict[str, Any], path: list[str], value: Any, override: str) -> None:
    """Set the value at a path, making tables on the way."""
    table: Any = document
    for part in path[:-1]:
        if isinstance(table, list):
            table = table[_index(table, part, override)]
        elif isinstance(table, dict):
            table = table.setdefault(part, {})
        else:
            break
    if isinstance(table, list):
        table[_index(table, path[-1], override)] = value
    elif isinstance(table, dict):
        table[path[-1]] = value
    else:
        raise UserError(f"--set {override!r} leads through a key that is no table")


def _index(elements: list[Any], part: str, override: str) -> int:
    """Return the index that a part of a key stands for."""
    if not part.isdigit() or int(part) >= len(elements):
        last = len(elements) - 1
        raise UserError(f"--set {override!r} must count elements from 0 to {last}, not {part!r}")
    return int(part)
