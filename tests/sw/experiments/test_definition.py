"""Definitions of experiments, and slips in naming them."""

from __future__ import annotations

import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.experiments.definition import (
    experiment_names,
    load_experiment,
    parse_experiment,
)
from tenzo.sw.experiments.jobs import MEASUREMENTS
from tenzo.sw.planning.planner import plan
from tenzo.sw.training.coordinates import deltas_of

SMALL = """
title = "small"
question = "Does it run?"
metric = "test_accuracy"
better = "higher"
[[variants]]
label = "Random, 2 steps"
preset = "digits"
overrides = ["training.steps=2"]
quick = ["training.steps=1"]
"""


@pytest.mark.parametrize("name", experiment_names())
@pytest.mark.parametrize("quick", [False, True])
def test_every_variant_has_a_configuration(name: str, quick: bool) -> None:
    experiment = load_experiment(name)
    for variant in experiment.variants:
        config = experiment.config(variant, 3, quick)
        assert config.training.seed == 3
        assert variant.method in {"train", "first-order", *MEASUREMENTS}


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_has_at_least_three_seeds(name: str) -> None:
    assert len(set(load_experiment(name).seeds)) >= 3


@pytest.mark.parametrize("name", ["variance", "hybrid"])
def test_claims_of_the_paper_have_at_least_five_seeds(name: str) -> None:
    assert len(set(load_experiment(name).seeds)) >= 5


@pytest.mark.parametrize("name", experiment_names())
def test_quick_form_of_no_experiment_needs_a_folder_of_data(name: str) -> None:
    experiment = load_experiment(name)
    for variant in experiment.variants:
        data = experiment.config(variant, 1, quick=True).data
        assert data is None or data.preset


def test_variants_of_the_hybrid_take_equal_forward_passes() -> None:
    experiment = load_experiment("hybrid")
    passes = []
    for variant in experiment.variants:
        config = experiment.config(variant, 1)
        training = config.training
        program = plan(config.network(), config.engine()).program
        sweep = 1 + int(deltas_of(program).macs_by_address.sum()) / program.macs
        if "from scratch" in variant.label:
            sweep = 1 + config.network().parameter_count
        switch = training.hybrid.switch_step if training.hybrid else None
        random_steps = {"rge": training.steps, "cge": 0}.get(training.estimator, switch)
        assert random_steps is not None
        queries = 2 * training.queries * random_steps + sweep * (training.steps - random_steps)
        passes.append(queries * training.batch)
    assert max(passes) < 1.01 * min(passes)


def test_quick_overrides_come_last() -> None:
    experiment = parse_experiment("small", SMALL)
    (variant,) = experiment.variants
    assert experiment.config(variant, 1).training.steps == 2
    assert experiment.config(variant, 1, quick=True).training.steps == 1


def test_folder_of_a_variant_has_no_special_characters() -> None:
    (variant,) = parse_experiment("small", SMALL).variants
    assert variant.folder == "random-2-steps"


def test_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"'hjb' is no experiment: did you mean 'hjb20'\?"):
        load_experiment("hjb")


def test_two_variants_of_one_name_are_refused() -> None:
    twice = SMALL + SMALL[SMALL.index("[[variants]]") :]
    with pytest.raises(UserError, match="labels of their own, not 'random-2-steps' twice"):
        parse_experiment("small", twice)


def test_wrong_value_is_named() -> None:
    with pytest.raises(UserError, match="better must be higher or lower, not 'up'"):
        parse_experiment("small", SMALL.replace('better = "higher"', 'better = "up"'))
