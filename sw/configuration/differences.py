"""What differs between two configurations, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tenzo.sw.configuration.config import Config

_TABLES = ("problem", "network", "formats", "training", "engine")
_FREE = ("training.checkpoint_steps", "training.checkpoint_seconds")


def first_difference(held: Config, given: Config) -> str | None:
    """Return the first key that decides the bits of a run and differs, with both values.

    Parameters
    ----------
    held, given : :class:`Config`
        Of a run, and what is asked for now.

    Returns
    -------
    :class:`str`, for example ``training.estimator is 'rge', not 'cge'``; None if the runs are one.
    """
    if held.digest() == given.digest():
        return None
    one, other = (dict(_leaves(config.document())) for config in (held, given))
    for key in sorted({*one, *other}, key=_rank):
        if key not in _FREE and one.get(key) != other.get(key):
            first, second = (_text(values.get(key)) for values in (one, other))
            return f"{key} is {first}, not {second}"
    return "what decides its bits is not the same"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the keys of all values in tables, dotted, and the values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


def _rank(key: str) -> tuple[bool, int, bool, str]:
    """Order keys: what matters most first, ``training.estimator`` before its options."""
    table = key.split(".")[0]
    known = table in _TABLES
    place = _TABLES.index(table) if known else 0
    return not known, place, key != "training.estimator", key


def _text(value: Any) -> str:
    """Return a value as it is said in a sentence."""
    return "absent" if value is None else "other" if isinstance(value, list) else repr(value)
