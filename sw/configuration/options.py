"""Objects by name and options, as configurations give them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tenzo.sw.errors import UserError

T = TypeVar("T")


def build(
    kind: str,
    known: Mapping[str, Callable[..., T]],
    name: str,
    required: Mapping[str, Any],
    options: Mapping[str, Any],
) -> T:
    """Call ``known[name]`` with required and optional arguments.

    Raises
    ------
    UserError
        If the name or an option is unknown; the sentence lists the known ones.
    """
    if name not in known:
        raise UserError(f"{kind} must be one of {', '.join(sorted(known))}, not {name!r}")
    allowed = [key for key in inspect.signature(known[name]).parameters if key not in required]
    for key in options:
        if key not in allowed:
            listed = ", ".join(allowed) or "none"
            raise UserError(f"{kind} {name!r} has no option {key!r}; its options: {listed}")
    return known[name](**required, **options)
