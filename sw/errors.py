"""Errors that are the user's to mend."""

from __future__ import annotations


class UserError(ValueError):
    """A user's slip: one sentence that names the value at fault and the remedy.

    The command line prints the sentence and exits with status 2, without a traceback.
    """


class MissingDataError(UserError):
    """Data is not named, or not where it is said to be; what is there but damaged is no such."""


class InfiniteLossError(UserError):
    """A loss became infinite or NaN; the weights it was made at are no good."""


class DeviceError(RuntimeError):
    """A device died or hangs: one sentence that says what happened.

    The command line prints the sentence and exits with status 1, without a traceback.
    """
