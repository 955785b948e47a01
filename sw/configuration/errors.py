"""One sentence for whatever is wrong with a configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from tenzo.sw.errors import UserError

_RELATIONS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_KINDS = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string",
    "list_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
    "string_pattern_mismatch": "letters, digits, '_', '.' or '-', a letter or digit first",
}


def suggest(name: str, known: Iterable[str]) -> str:
    """Return what would do instead of an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(names)}"


def configuration_error(
    error: ValidationError, document: dict[str, Any], root: type[BaseModel]
) -> UserError:
    """Turn the first finding of pydantic into a sentence with key, value and remedy.

    Parameters
    ----------
    error : :class:`pydantic.ValidationError`
    document : :class:`dict`
        What was validated.
    root : type of :class:`pydantic.BaseModel`
        Model of the whole document.
    """
    finding = error.errors(include_url=False)[0]
    path = _existing_path(finding["loc"], document, finding["type"] == "missing")
    key, kind, value = dotted(path), finding["type"], finding["input"]
    context = finding.get("ctx", {})
    if kind == "value_error":
        sentence = str(context["error"])
        is_key = sentence.split()[0] in _known_keys(root, path)
        return UserError(f"{key}{'.' if is_key else ' '}{sentence}".lstrip(". "))
    if kind == "missing":
        return UserError(f"{key} is missing: add it to the configuration")
    if kind == "extra_forbidden":
        keys = _known_keys(root, path[:-1])
        return UserError(f"{key} is no key of a configuration: {suggest(str(path[-1]), keys)}")
    return UserError(f"{key} must be {_requirement(kind, context)}, not {value!r}")


def dotted(path: Sequence[str | int]) -> str:
    """Return ``network.layers[0].ranks`` for a path; layers are counted from 0."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _requirement(kind: str, context: dict[str, Any]) -> str:
    """Say in words what a finding of pydantic asks for."""
    if kind in _RELATIONS:
        name, words = _RELATIONS[kind]
        return f"{words} {context[name]:g}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    return _KINDS.get(kind, f"valid ({kind.replace('_', ' ')})")


def _existing_path(
    location: tuple[int | str, ...], document: Any, missing: bool
) -> list[int | str]:
    """Drop what pydantic adds to a location for unions: parts that are not in the document."""
    path: list[int | str] = []
    for index, part in enumerate(location):
        is_key = isinstance(document, dict) and part in document
        is_index = isinstance(document, list) and isinstance(part, int)
        if is_key or is_index:
            document = document[part]
            path.append(part)
        elif missing and index == len(location) - 1:
            path.append(part)
    return path


def _known_keys(root: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Return the keys of the table at a path, looked up through the annotations of the models."""
    model = root
    for part in path:
        if isinstance(part, int):
            continue
        for name, field in model.model_fields.items():
            if (field.alias or name) == part:
                model = _model_in(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation holds, also inside a list or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)
