"""Kernels by the names that ``--kernel`` takes."""

from __future__ import annotations

import logging
import os
from functools import lru_cache

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.golden.numpy_kernel import NumpyKernel
from tenzo.sw.kernels.kernel import Kernel
from tenzo.sw.kernels.library import Library, NotBuiltError, find_library

_LOG = logging.getLogger(__name__)
MOST_THREADS = 1024


def open_kernel(name: str, engine: EngineParameters, threads: int | None = None) -> Kernel:
    """Open a kernel.

    Parameters
    ----------
    name : :class:`str`
        ``numpy``, ``native``, or an instruction-set path of the compiled kernels.
    engine : :class:`EngineParameters`
    threads : :class:`int`, optional
        See :func:`thread_count`.

    Raises
    ------
    UserError
        If there is no such kernel, it is not built, or this processor cannot run it.
    """
    count = thread_count(threads)
    if name == "numpy":
        return NumpyKernel(engine)
    from tenzo.sw.kernels.native import NativeKernel

    try:
        library = find_library()
    except NotBuiltError as error:
        raise UserError(f"kernel must be numpy here, not {name!r}: {error}") from error
    return NativeKernel(engine, library, _path(name, library), count)


def default_kernel() -> str:
    """Return ``native`` where it is built, else ``numpy``, which is announced once."""
    try:
        find_library()
    except NotBuiltError as error:
        _announce(str(error))
        return "numpy"
    return "native"


def thread_count(threads: int | None = None) -> int:
    """Return the threads of a compiled kernel.

    Parameters
    ----------
    threads : :class:`int`, optional
        The variable ``TENZO_THREADS`` unless given; without it, one for every processor that this
        process may use.

    Raises
    ------
    UserError
        If the number is not 1 to 1,024.
    """
    name, given = "threads", str(threads)
    if threads is None:
        name, given = "TENZO_THREADS", os.environ.get("TENZO_THREADS", "")
        if not given:
            return _processors()
    count = int(given) if given.isdecimal() else 0
    if not 1 <= count <= MOST_THREADS:
        raise UserError(f"{name} must be 1 to {MOST_THREADS}, not {given!r}")
    return count


def _path(name: str, library: Library) -> str:
    """Return the instruction-set path that a name means."""
    works = ", ".join(library.working)
    if name == "native":
        return library.working[0]
    if name not in library.paths:
        raise UserError(f"kernel must be one of numpy, native, {works}, not {name!r}")
    if name not in library.working:
        raise UserError(f"kernel {name!r} needs another processor: this one runs {works}")
    return name


def _processors() -> int:
    """Return the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _announce(reason: str) -> None:
    """Say once why NumPy computes."""
    _LOG.warning("NumPy computes, several times slower: %s", reason)
