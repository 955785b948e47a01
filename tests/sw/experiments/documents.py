"""Results that the tests of pages and pictures share."""

from __future__ import annotations

from typing import Any


def variant(label: str, values: list[float], **changes: Any) -> dict[str, Any]:
    """Return the block of a variant."""
    mean = sum(values) / len(values)
    block = {
        "label": label,
        "group": "",
        "folder": label,
        "method": "train",
        "preset": "digits",
        "overrides": [],
        "device": "golden",
        "value": mean,
        "values": values,
        "standard_error": 0.01,
        "parameters": 826,
        "forward_passes": 2000,
        "steps": 10,
        "seeds": [1, 2],
        "number_format": "fixed",
        "seconds": 1.0,
        "commit": "abc",
        "machine": "a machine",
        "details": {},
        "ratios": [],
        "curves": [[[1000, 0.5], [2000, value]] for value in values],
    }
    return {**block, **changes}


def document(*variants: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the result of an experiment named small."""
    whole = {
        "experiment": "small",
        "title": "Small",
        "question": "Does it run?",
        "notes": "",
        "quick": False,
        "metric": "test_accuracy",
        "better": "higher",
        "goal": None,
        "milestones": [],
        "reference": None,
        "reference_source": None,
        "x": "forward_passes",
        "command": "tenzo experiment small",
        "value": variants[0]["value"],
        "seeds": [1, 2],
        "commit": "abc",
        "machine": "a machine",
        "variants": list(variants),
        "skipped": {},
    }
    return {**whole, **changes}
