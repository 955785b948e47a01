"""Options of training that do not go together: one sentence each."""

import re

import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError

HYBRID = "training.estimator=hybrid"
CGE = "training.estimator=cge"
DESCENT = "training.estimator=sign-descent"
TABLE = "training.hybrid={then='cge', learning_rate=0.01, switch_step=5}"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["training.form=greedy"],
            "training.form is an option of estimator 'sign-descent', not of 'rge': remove it",
        ),
        (
            ["training.coordinates=5"],
            "training.coordinates is an option of estimator 'cge' or 'sign-descent', not of "
            "'rge': remove it",
        ),
        (
            [DESCENT, "training.central=true"],
            "training.central is an option of estimator 'cge', not of 'sign-descent': remove it",
        ),
        (
            [CGE, "training.one_sided=true"],
            "training.one_sided is an option of estimator 'rge', not of 'cge': remove it",
        ),
        (
            [CGE, "training.shrink=true"],
            "training.shrink is an option of estimator 'rge', not of 'cge': remove it",
        ),
        (
            [CGE, "training.perturb=core"],
            "training.perturb is an option of estimator 'rge', not of 'cge': remove it",
        ),
        (
            [HYBRID, TABLE, "training.form=batch"],
            "training.form is an option of estimator 'sign-descent', not of 'rge' and 'cge': "
            "remove it",
        ),
        (
            [HYBRID],
            "training.estimator 'hybrid' needs a table [training.hybrid] with learning_rate, and "
            "switch_step or patience: add it",
        ),
        (
            [CGE, TABLE],
            "training.hybrid is for estimator 'hybrid', not 'cge': remove it",
        ),
        (
            [HYBRID, "training.hybrid={learning_rate=0.01}"],
            "training.hybrid must hold switch_step or patience, one of them",
        ),
        (
            [HYBRID, "training.hybrid={learning_rate=0.01, patience=3, switch_step=3}"],
            "training.hybrid must hold switch_step or patience, one of them",
        ),
        (
            [HYBRID, TABLE, "training.steps=5"],
            "training.hybrid must hold a switch_step below training.steps, 5, not 5: the second "
            "phase would never begin",
        ),
        (
            [
                HYBRID,
                "training.hybrid={learning_rate=1.0, patience=3}",
                "training.evaluate_steps=0",
            ],
            "training.hybrid must hold switch_step instead of patience, which counts evaluations, "
            "while training.evaluate_steps is 0",
        ),
        (
            [HYBRID, "training.hybrid={then='rge', learning_rate=1.0, patience=3}"],
            "training.hybrid.then must be cge or sign-descent, not 'rge'",
        ),
        (
            [HYBRID, "training.hybrid={patience=3}"],
            "training.hybrid.learning_rate is missing: add it to the configuration",
        ),
        (
            [
                HYBRID,
                "training.hybrid={learning_rate=1.0, patience=3, optimiser={name='sgd', beta=0.5}}",
            ],
            "training.hybrid.optimiser 'sgd' has no option 'beta'; its options: none",
        ),
        (
            ["training.perturb=stage"],
            "training.perturb must be network, layer or core, not 'stage'",
        ),
        (
            ["training.rounding=up"],
            "training.rounding must be nearest or stochastic, not 'up'",
        ),
        (
            ["training.recalibrate_saturation=1.5"],
            "training.recalibrate_saturation must be less than 1, not 1.5",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(overrides, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        load_config("digits", overrides)


def test_another_estimator_takes_the_options_of_the_first_with_it(tmp_path):
    written = [DESCENT, "training.form=greedy", "training.coordinates=9"]
    (tmp_path / "config.toml").write_text(load_config("digits", written).toml())
    training = load_config(tmp_path, ["training.estimator=rge"]).training
    assert (training.form, training.coordinates) == (None, None)
    training = load_config(tmp_path, [CGE]).training
    assert (training.form, training.coordinates) == (None, 9)
    training = load_config(tmp_path, ["training.coordinates=5"]).training
    assert (training.form, training.coordinates) == ("greedy", 5)
    (tmp_path / "config.toml").write_text(load_config("digits", [HYBRID, TABLE]).toml())
    assert load_config(tmp_path, [CGE]).training.hybrid is None
    with pytest.raises(UserError, match=r"training\.form is an option of"):
        load_config(tmp_path, [CGE, "training.form=batch"])


@pytest.mark.parametrize(
    "overrides",
    [
        [HYBRID, TABLE, "training.coordinates=5", "training.central=true", "training.shrink=true"],
        [HYBRID, "training.hybrid={then='sign-descent', learning_rate=0.01, patience=2}",
         "training.form=greedy"],
        [DESCENT, "training.form=batch", "training.coordinates=9"],
    ],
)  # fmt: skip
def test_configurations_of_every_estimator_load_as_written(overrides, tmp_path):
    config = load_config("digits", overrides)
    (tmp_path / "config.toml").write_text(config.toml())
    assert load_config(tmp_path) == config
