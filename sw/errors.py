"""Errors that are the user's to mend."""

from __future__ import annotations


class UserError(ValueError):
    """A user's slip: one sentence that names the value at fault and the remedy.

    The command line prints the sentence and exits with status 2, without a traceback.
    """
