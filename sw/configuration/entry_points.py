"""A user's Python functions, named ``module:function`` in a configuration."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from tenzo.sw.errors import CODE_ERRORS, UserError


def load_entry_point(name: str, role: str) -> Callable[..., Any]:
    """Import a function by name.

    The current folder is searched too, as with ``python -m``.

    Parameters
    ----------
    name : :class:`str`
        ``module:function``, for example ``my_data:load``.
    role : :class:`str`
        What it is for, for messages: ``loss`` or ``data``.

    Raises
    ------
    UserError
        If the name is malformed, the module cannot be imported or has no such function.
    """
    module_name, _, function_name = name.partition(":")
    parts = [*module_name.split("."), function_name]
    if not all(part.isidentifier() for part in parts):
        raise UserError(f"{role} must be named module:function, not {name!r}")
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(
            f"{role} {name!r} needs the module {module_name!r}, which cannot be imported from "
            f"{folder} ({error}); put {parts[0]}.py there or install it"
        ) from error
    except SyntaxError as error:
        raise UserError(f"{role} {name!r} has a syntax error, mend it: {error}") from error
    except CODE_ERRORS as error:
        raise UserError(f"{role} {name!r} cannot be loaded, mend it: {error}") from error
    finally:
        sys.path.remove(folder)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise UserError(f"{role} {name!r} needs a function {function_name!r} in {module.__file__}")
    return function
