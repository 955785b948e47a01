"""Sentences and summary numbers of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenzo.sw.networks.network import Network
from tenzo.sw.report.data import RunRecord
from tenzo.sw.report.lockstep import lockstep_verdict

_NAMES = {
    "rge": "random gradient estimates",
    "cge": "coordinate-wise gradients",
    "sign-descent": "coordinate sign descent",
    "sign-momentum": "sign momentum",
    "sign-sgd": "sign SGD",
    "rademacher": "Rademacher",
    "adam": "Adam",
    "sgd": "SGD",
}
"""Words for values of the configuration that are not words themselves."""


@dataclass(frozen=True)
class Card:
    """A number in large type, what it is, and a remark; ``kind`` as of a verdict."""

    value: str
    label: str
    note: str = ""
    kind: str = ""


def subtitle(run: RunRecord) -> str:
    """Return the line below the title."""
    first, *later = run.config.training.estimators
    parts = [f"{_NAMES[first]} ({_options(run, first)})", *(_NAMES[name] for name in later)]
    return f"Trained without back-propagation by {', then '.join(parts)}; {_arithmetic(run)}."


def _arithmetic(run: RunRecord) -> str:
    """Return the formats that the run computed in."""
    used = str((run.summary or {}).get("number_format", "fixed"))
    if not used.startswith("fixed"):
        return used
    engine = run.plan.engine
    return f"activations {engine.activation}, weights {engine.weight}"


def _options(run: RunRecord, estimator: str) -> str:
    """Return what a step looks at, and what makes a change of its gradient."""
    training, size = run.config.training, run.plan.parameter_count
    name = training.optimiser.name
    optimiser = _NAMES.get(name, name)
    if estimator == "rge":
        distribution = _NAMES.get(training.distribution, training.distribution)
        ways = " one way" if training.one_sided else ""
        blocks = "" if training.perturb == "network" else f" of each {training.perturb}"
        return f"{training.queries} {distribution} directions{blocks} a step{ways}, {optimiser}"
    count = min(training.coordinates or size, size)
    looked_at = f"all {size:,} parameters" if count == size else f"{count:,} of {size:,} parameters"
    if estimator == "sign-descent":
        return f"{looked_at}, greedy" if training.form == "greedy" else looked_at
    return f"{looked_at}{', both ways' if training.central else ''}, {optimiser}"


def unfinished_note(run: RunRecord) -> str:
    """Return a sentence about a run that has not finished; empty for one that has."""
    if run.summary is not None:
        return ""
    return (
        f"This run has not finished: its checkpoint holds {run.step:,} of "
        f"{run.config.training.steps:,} steps. Go on with: tenzo train {run.path} --resume"
    )


def cards(run: RunRecord) -> list[Card]:
    """Return the summary numbers."""
    plan, network = run.plan, run.config.network()
    parameters, dense = network.parameter_count, dense_parameters(network)
    lockstep = lockstep_verdict(run)
    lanes = f"for up to {plan.engine.lane_count} samples"
    return [
        *_score_cards(run),
        Card(f"{parameters:,}", "parameters", _compression(parameters, dense)),
        *_training_cards(run),
        Card(f"{plan.macs:,}", "MACs per pass", "multiply-accumulates of one sample"),
        Card(f"{plan.cycles:,}", "cycles per query", lanes),
        Card(percent(plan.utilisation), "utilisation", "cycles in which every lane multiplies"),
        Card(lockstep.word, "lockstep", "golden model and Verilog", lockstep.kind),
    ]


def _training_cards(run: RunRecord) -> list[Card]:
    """Return the cards of what training took."""
    summary = run.summary or {}
    passes = summary.get("forward_passes")
    note = f"{short(passes)} forward passes" if passes else ""
    found = [Card(f"{run.step:,}", "training steps", note)]
    seconds = float(summary.get("train_seconds") or 0)
    if seconds:
        rate = f"{run.step / seconds:,.0f} steps/s on {summary.get('device', 'a device')}"
        found.append(Card(duration(seconds), "training time", rate))
    return found


def _score_cards(run: RunRecord) -> list[Card]:
    """Return the cards of the test result."""
    if run.measurement is None:
        return _summary_scores(run.summary or {})
    result, count = run.measurement.evaluation, run.measurement.sample_count
    if result.accuracy is not None:
        right = round(result.accuracy * count)
        return [Card(percent(result.accuracy), "test accuracy", f"{right:,} of {count:,} samples")]
    return [
        Card(f"{result.relative_l2:.3g}", "relative L2 error", f"{count:,} test samples"),
        *_peer_cards(result.zero_network, result.best_constant),
    ]


def _peer_cards(zero_network: float | None, best_constant: float | None) -> list[Card]:
    """Return the scores that a problem's is to be compared with."""
    if zero_network is None or best_constant is None:
        return []
    note = f"best constant output: {best_constant:.3g}"
    return [Card(f"{zero_network:.3g}", "error of a zero network", note)]


def _summary_scores(summary: dict[str, Any]) -> list[Card]:
    """Return the scores that the run itself wrote down."""
    if "test_accuracy" in summary:
        return [Card(percent(summary["test_accuracy"]), "test accuracy", "as the run noted it")]
    if "relative_l2" in summary:
        return [
            Card(f"{summary['relative_l2']:.3g}", "relative L2 error", "as the run noted it"),
            *_peer_cards(summary.get("zero_network"), summary.get("best_constant")),
        ]
    return []


def dense_parameters(network: Network) -> int:
    """Return the parameters that the network would have with dense layers."""
    return sum(layer.inputs * layer.outputs + layer.bias_count for layer in network.layers)


def _compression(parameters: int, dense: int) -> str:
    """Compare parameters with those of dense layers."""
    if parameters == dense:
        return "all layers are dense"
    return f"{dense:,} if dense, {dense / parameters:.1f} times as many"


def short(value: int) -> str:
    """Return a large count with three digits and a unit, for example ``3.84 M``."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= 10 * size or (value >= size and size > 10**3):
            return f"{value / size:.3g} {unit}"
    return f"{value:,}"


def duration(seconds: float) -> str:
    """Return a time in words that fit a card."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"
