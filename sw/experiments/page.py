"""The page of a result: verdict, picture, table and how it was made, all from the JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tenzo.sw.experiments.figure import joined, words

_ERRORS = 2.0
"""Two means differ if they lie more standard errors apart than this."""

_BACK_PROPAGATION = (
    " A gradient by back-propagation counts as three forward passes, a derivative by automatic "
    "differentiation as one more to be differentiated."
)

_GENERATED = "This page is generated from [{name}.json]({name}.json); do not edit it."


def page(document: Mapping[str, Any]) -> str:
    """Return the page of a result in Markdown."""
    name = document["experiment"]
    parts = [
        f"# {document['title']}",
        document["question"],
        f"**{verdict(document)}**",
        document["notes"],
        f"![{document['title']}]({name}.svg)",
        _caption(document),
        table(document),
        milestones(document),
        _reference(document),
        *(f"Left out: {label}, since {why}." for label, why in document["skipped"].items()),
        _origin(document),
        _GENERATED.format(name=name),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict(document: Mapping[str, Any]) -> str:
    """Return in words how the first variant does beside the bar, the reference and the others."""
    first = document["variants"][0]
    sentences = [f"{_capital(first['label'])}: {_with_error(document, first)}."]
    found = []
    if document["goal"] is not None:
        word = "reaches" if _beats(document, document["goal"]) else "misses"
        found.append(f"{word} the bar of {number(document, document['goal'])}")
    if document["reference"] is not None:
        word = "beats" if _beats(document, document["reference"]) else "falls short of"
        found.append(f"{word} the reference of {number(document, document['reference'])}")
    if found:
        sentences.append(f"That {' and '.join(found)}.")
    if ratios := [ratio for variant in document["variants"] for ratio in variant["ratios"]]:
        least, greatest = min(ratios), max(ratios)
        sentences.append(f"All values are {least:.2f} to {greatest:.2f} times what theory says.")
    if document["x"] == "parameters":
        sentences.append(growth(document))
    if document["x"] != "forward_passes":
        return " ".join(sentences)
    others = [
        f"{compare(document, other)} “{other['label']}”" for other in document["variants"][1:]
    ]
    if others:
        sentences.append(f"It is {', '.join(others)}.")
    return " ".join(sentences)


def compare(document: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return whether the first variant is better than another one, beyond chance."""
    first = document["variants"][0]
    difference = first["value"] - other["value"]
    if document["better"] == "lower":
        difference = -difference
    error = math.hypot(first["standard_error"] or 0.0, other["standard_error"] or 0.0)
    if abs(difference) <= _ERRORS * error:
        return "within chance of"
    return "better than" if difference > 0 else "worse than"


def growth(document: Mapping[str, Any]) -> str:
    """Return how values grow with the parameters: slopes in logarithms, and first to largest."""
    groups: dict[str, list[tuple[float, float]]] = {}
    for variant in document["variants"]:
        point = math.log(variant["parameters"]), math.log(variant["value"])
        groups.setdefault(variant["group"], []).append(point)
    everything = [point for points in groups.values() for point in points]
    lines = {**{name: points for name, points in groups.items() if name}, "all": everything}
    slopes = [f"{slope(points):.2f} ({name})" for name, points in lines.items() if len(points) > 1]
    first = document["variants"][0]
    largest = max(document["variants"], key=lambda variant: variant["parameters"])
    more, higher = (largest[key] / first[key] for key in ("parameters", "value"))
    return (
        f"The value grows with the number of parameters to the power {', '.join(slopes)}: "
        f"“{largest['label']}” has {more:.1f} times the parameters of “{first['label']}” and "
        f"{higher:.1f} times its value."
    )


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the line of least squares through points."""
    count = len(points)
    x_mean = math.fsum(x for x, _ in points) / count
    y_mean = math.fsum(y for _, y in points) / count
    square = math.fsum((x - x_mean) ** 2 for x, _ in points)
    return math.fsum((x - x_mean) * (y - y_mean) for x, y in points) / (square or 1.0)


def number(document: Mapping[str, Any], value: float) -> str:
    """Return a value of the metric in words: accuracies as percentages."""
    if document["metric"].endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:.3g}"


def table(document: Mapping[str, Any]) -> str:
    """Return the table of all variants."""
    columns = ["variant", f"{words(document['metric'])}, mean", "least", "greatest"]
    if has_theory := any(variant["ratios"] for variant in document["variants"]):
        columns.append("theory")
    columns += ["seeds", "parameters", "steps", "forward passes", "seconds", "numbers"]
    rule = ["---", *["--:"] * (len(columns) - 2), "---"]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(rule)}|"]
    for variant in document["variants"]:
        cells = [
            variant["label"],
            _with_error(document, variant),
            number(document, min(variant["values"])),
            number(document, max(variant["values"])),
            *([number(document, variant["details"]["theory"])] if has_theory else []),
            str(len(variant["seeds"])),
            f"{variant['parameters']:,}",
            f"{variant['steps']:,}",
            f"{variant['forward_passes']:.3g}",
            f"{variant['seconds']:.1f}",
            variant["number_format"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def milestones(document: Mapping[str, Any]) -> str:
    """Return the table of forward passes at which the mean over seeds reaches each milestone."""
    if not document["milestones"]:
        return ""
    bars = [number(document, bar) for bar in document["milestones"]]
    lines = [
        f"| forward passes until validation data reach | {' | '.join(bars)} |",
        f"|---|{'--:|' * len(bars)}",
    ]
    for variant in document["variants"]:
        found = [passes_until(document, variant, bar) for bar in document["milestones"]]
        cells = ["never" if passes is None else f"{passes:.2g}" for passes in found]
        lines.append(f"| {variant['label']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def passes_until(
    document: Mapping[str, Any], variant: Mapping[str, Any], bar: float
) -> float | None:
    """Return the forward passes at which a variant's mean over seeds first reaches a bar."""
    places, rows = joined(variant["curves"])
    for passes, row in zip(places, rows, strict=True):
        value = math.fsum(row) / len(row)
        if value >= bar if document["better"] == "higher" else value <= bar:
            return passes
    return None


def _caption(document: Mapping[str, Any]) -> str:
    """Return what the picture shows."""
    if document["x"] != "forward_passes":
        return "Points are means over seeds, bars go from the least to the greatest value."
    return (
        "Curves are means over seeds on validation data, bands go from the least to the greatest "
        "seed. Points are the values of the table: test data, last step, evaluated once."
    ) + _BACK_PROPAGATION * any(v["method"] == "first-order" for v in document["variants"])


def _reference(document: Mapping[str, Any]) -> str:
    """Return what the reference is, and the values of trivial solutions."""
    parts = []
    if document["reference"] is not None:
        value = number(document, document["reference"])
        parts.append(f"Reference: {value}, {document['reference_source']}.")
    details = document["variants"][0]["details"]
    peers = {"zero_network": "the zero network", "best_constant": "the best constant output"}
    found = [f"{text} {details[key]:.3g}" for key, text in peers.items() if key in details]
    if found:
        parts.append(f"For comparison: {', '.join(found)}.")
    return " ".join(parts)


def _origin(document: Mapping[str, Any]) -> str:
    """Return how the result was made."""
    seeds = ", ".join(str(seed) for seed in document["seeds"])
    return (
        f"Made by `{document['command']}`, seeds {seeds}, commit {document['commit']}, on "
        f"{document['machine']}. Seconds are those of one run on one core."
    )


def _with_error(document: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Return a mean with its standard error."""
    text, error = number(document, variant["value"]), variant["standard_error"]
    if error is None:
        return text
    scaled = 100 * error if document["metric"].endswith("accuracy") else error
    return f"{text} ± {scaled:.2g}"


def _beats(document: Mapping[str, Any], bar: float) -> bool:
    value: float = document["value"]
    return value >= bar if document["better"] == "higher" else value <= bar


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
