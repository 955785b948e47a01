"""The problems that ship: their points, their equations and their exact solutions."""

from __future__ import annotations

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.derivatives.central import CentralDifferences
from tenzo.sw.formats import Format
from tenzo.sw.problems.black_scholes import BlackScholes
from tenzo.sw.problems.collocation import Collocation, draw_points, samples_per_step
from tenzo.sw.problems.field import Field
from tenzo.sw.problems.hjb20 import Hjb20
from tenzo.sw.problems.poisson10 import Poisson10
from tenzo.sw.problems.samples import configured_problem, problem_samples
from tenzo.sw.random_streams import uniform
from tenzo.sw.training.evaluation import evaluate_solution

FINE = Format(24, 20)
ALL = [BlackScholes(), Hjb20(), Poisson10()]


def field(name, points, function, step):
    """The field of a function at points, without rounding; central differences."""
    stencil = CentralDifferences(points.shape[1], FINE, step)
    nodes = stencil.nodes_raw(FINE.quantize(points)) * FINE.step
    outputs = function(nodes.reshape(-1, points.shape[1])).reshape(1, len(nodes), -1)
    at = FINE.quantize(points).astype(np.float64) * FINE.step
    return Field(name, at, outputs, 1.0, stencil)


def numbers(count: int, inputs: int) -> np.ndarray:
    return uniform(4, 0, count * inputs).reshape(count, inputs)


def test_network_that_is_one_solves_hjb20() -> None:
    points = Collocation(Hjb20(), CentralDifferences(21, FINE), FINE, 5, 1, 0)
    outputs = np.full((1, len(points.samples_raw), 1), 1 << 20)
    assert points.losses(outputs, 20)[0] < 1e-30


def test_residual_of_hjb20_is_that_of_the_constrained_solution() -> None:
    points = numbers(6, 21)
    x, t = points[:, 0], points[:, 20]
    found = Hjb20().losses(
        {"interior": field("interior", points, lambda p: p[:, 0] ** 2 * p[:, 20], 0.25)}
    )
    u_t = x**2 - 2 * t * x**2
    gradient = 19 + (1 + (1 - t) * 2 * x * t) ** 2
    residual = u_t + (1 - t) * 2 * t - 0.05 * gradient + 2
    assert found[0] == pytest.approx(np.mean(residual**2), rel=1e-5)


def test_formula_of_black_and_scholes_solves_its_equation() -> None:
    problem = BlackScholes()
    points = numbers(50, 2) * [0.9, 0.7] + [0.05, 0.05]
    sides = {name: problem.points(name, numbers(20, 2)) for name in ("terminal", "lower", "upper")}
    fields = {name: field(name, at, problem.exact, 2.0**-9) for name, at in sides.items()}
    fields["interior"] = field("interior", points, problem.exact, 2.0**-9)
    assert problem.losses(fields)[0] < 1e-7


def test_formula_of_black_and_scholes_has_the_published_values() -> None:
    known = BlackScholes().exact(np.array([[0.5, 0.0], [0.25, 1.0], [0.75, 1.0], [0.0, 0.3]]))
    np.testing.assert_allclose(known, [0.1802295, 0.0, 0.5, 0.0], atol=1e-7)


def test_sine_solves_poisson10() -> None:
    problem = Poisson10()
    fields = {
        name: field(name, problem.points(name, numbers(40, 10)), problem.exact, 2.0**-7)
        for name in problem.sets
    }
    assert problem.losses(fields)[0] < 1e-8
    wrong = field("boundary", problem.points("boundary", numbers(40, 10)), lambda p: 0 * p[:, 0], 1)
    assert problem.losses({**fields, "boundary": wrong})[0] > 1


def test_boundary_of_poisson10_is_every_face_as_often() -> None:
    points = Poisson10().points("boundary", numbers(20_000, 10))
    faces = np.concatenate([(points == 0).sum(0), (points == 1).sum(0)])
    assert ((points >= 0) & (points <= 1)).all()
    assert faces.sum() == 20_000
    assert (np.abs(faces - 1000) < 5 * np.sqrt(1000)).all()
    assert abs(points[points[:, 3] == 1, 0].mean() - 0.5) < 0.05
    assert abs(points[(points[:, 0] > 0) & (points[:, 0] < 1), 0].mean() - 0.5) < 0.02


def test_sides_of_black_scholes_are_where_they_should_be() -> None:
    problem = BlackScholes()
    assert (problem.points("terminal", numbers(9, 2))[:, 1] == 1).all()
    assert (problem.points("lower", numbers(9, 2))[:, 0] == 0).all()
    assert (problem.points("upper", numbers(9, 2))[:, 0] == 1).all()
    np.testing.assert_array_equal(problem.points("interior", numbers(9, 2)), numbers(9, 2))


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: type(problem).__name__)
def test_points_depend_on_seed_step_and_set_alone(problem) -> None:
    def samples(seed, step):
        central = CentralDifferences(problem.inputs, FINE)
        return Collocation(problem, central, FINE, 8, seed, step).samples_raw

    np.testing.assert_array_equal(samples(3, 7), samples(3, 7))
    assert (samples(3, 7) != samples(3, 8)).any(axis=1).all()
    assert (samples(3, 7) != samples(4, 7)).any(axis=1).all()


@pytest.mark.parametrize(
    ("name", "expected"), [("hjb20", 4300), ("poisson10", 2200), ("black-scholes", 600)]
)
def test_samples_of_a_step_are_all_nodes_of_all_points(name, expected) -> None:
    config = load_config(name, ["training.batch=100"])
    problem, central = configured_problem(config)
    points = Collocation(problem, central, FINE, config.training.batch, 1, 0)
    assert samples_per_step(problem, central, config.training.batch) == expected
    assert points.samples_raw.shape == (expected, config.network().inputs)


def test_nodes_come_before_points_in_the_order_of_samples() -> None:
    central = CentralDifferences(2, FINE, 0.5)
    samples = Collocation(BlackScholes(), central, FINE, 4, 1, 0).samples_raw
    centre = draw_points(BlackScholes(), "interior", 4, FINE, 1, 1 << 56)
    np.testing.assert_array_equal(samples[:4], centre)
    np.testing.assert_array_equal(samples[4:8], centre + np.array([1 << 19, 0]))
    np.testing.assert_array_equal(samples[16:20], centre - [0, 1 << 19])
    assert (samples[20:22, 1] == 1 << 20).all()
    assert samples[22:, 0].tolist() == [0, 1 << 20]


@pytest.mark.parametrize(
    ("name", "zero", "constant"),
    [("hjb20", 0.0546, 0.0), ("black-scholes", 1.0, 0.755), ("poisson10", 1.0, 0.151)],
)
def test_zero_network_and_best_constant_have_the_published_errors(name, zero, constant) -> None:
    split = problem_samples(load_config(name)).test
    assert len(split) == 10_000
    assert split.solution is not None
    result = evaluate_solution(np.zeros((10_000, 1)), split.targets, split.solution)
    assert result.relative_l2 == result.zero_network == pytest.approx(zero, abs=1e-4)
    assert result.best_constant == pytest.approx(constant, abs=6e-3)
