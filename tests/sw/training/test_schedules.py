"""Learning-rate schedules."""

import math
from typing import Any

import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.training.schedules import make_schedule


def test_constant_never_changes() -> None:
    schedule = make_schedule("constant", 0.1)
    assert {schedule.rate(step, 10) for step in range(10)} == {0.1}


def test_cosine_follows_half_a_cosine() -> None:
    schedule = make_schedule("cosine", 0.5, final_rate=0.1)
    for step in range(200):
        expected = 0.1 + 0.4 * (1 + math.cos(math.pi * step / 200)) / 2
        assert math.isclose(schedule.rate(step, 200), expected, rel_tol=1e-14)


def test_cosine_passes_through_start_and_middle_exactly() -> None:
    schedule = make_schedule("cosine", 0.5)
    assert schedule.rate(0, 200) == 0.5
    assert schedule.rate(100, 200) == 0.25


def test_step_decay_multiplies_at_each_interval() -> None:
    schedule = make_schedule("step", 1.0, factor=0.5, interval=3)
    rates = [schedule.rate(step, 8) for step in range(8)]
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("name", "rate", "options", "message"),
    [
        ("linear", 0.1, {}, "schedule must be one of constant, cosine, step, not 'linear'"),
        ("cosine", 0.1, {"factor": 2}, "'cosine' has no option 'factor'; its options: final_rate"),
        ("constant", 0.0, {}, "learning_rate must be above 0 and finite, not 0.0"),
        ("constant", float("nan"), {}, "not nan"),
        ("cosine", 0.1, {"final_rate": 0.2}, "final_rate must be 0 to learning_rate 0.1, not 0.2"),
        ("step", 0.1, {"factor": 0.0}, "factor must be above 0 and at most 1, not 0.0"),
        ("step", 0.1, {"interval": 0}, "interval must be at least 1 step, not 0"),
    ],
)
def test_a_slip_is_named(name: str, rate: float, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_schedule(name, rate, **options)
