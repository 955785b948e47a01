"""Errors that are the user's to mend."""

from __future__ import annotations

import traceback
from pathlib import Path

CODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a user's own code raises where it is wrong."""


class UserError(ValueError):
    """A user's slip: one sentence that names the value at fault and the remedy.

    The command line prints the sentence and exits with status 2, without a traceback.
    """


class MissingDataError(UserError):
    """Data is not named, or not where it is said to be; what is there but damaged is no such."""


class InfiniteLossError(UserError):
    """A loss became infinite or NaN, or training diverges; the latest weights are no good."""


class DeviceError(RuntimeError):
    """A device died or hangs: one sentence that says what happened.

    The command line prints the sentence and exits with status 1, without a traceback.
    """

    exit_status = 1


class LostDeviceError(DeviceError):
    """A device at the end of a cable went away or does not answer: the user's to mend, status 2."""

    exit_status = 2


def code_error(error: Exception) -> str:
    """Return what a user's code raised, with the line of it that failed.

    To be called where the code was called: of the frames of the error, the first is the caller's.
    """
    frames = traceback.extract_tb(error.__traceback__)[1:]
    if not frames or isinstance(error, SyntaxError):
        return str(error)
    file = frames[0].filename
    line = next(frame.lineno for frame in reversed(frames) if frame.filename == file)
    return f"{error} ({type(error).__name__} in {Path(file).name}, line {line})"
