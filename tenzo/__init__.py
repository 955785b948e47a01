"""Tenzo: FPGA engines that train tensor-train networks without back-propagation.

``import tenzo`` is cheap: a public name is imported from its module when it is first used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("tenzo")
except PackageNotFoundError:  # a source tree on the path that was never installed
    __version__ = "0+unknown"

#: Public name -> module that defines it.
_EXPORTS: dict[str, str] = {
    "UserError": "tenzo.sw.errors",
}

__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562).

    Raises
    ------
    AttributeError
        The package has no public name ``name``.
    """
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tenzo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
