"""Problems from a user's file: what is wrong with one is said in a sentence."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError
from tenzo.sw.problems.choice import make_problem
from tenzo.sw.problems.samples import problem_samples

GOOD = """
import numpy as np
from tenzo import Problem, mean_square

class Flat(Problem):
    inputs = 2

    def losses(self, fields):
        f = fields["interior"]
        return mean_square(f.first(0)) + mean_square(f.value - 1)

    def exact(self, points):
        return np.ones(len(points))
"""
NETWORK = """
[[network.layers]]
inputs = 2
outputs = 1
dense = true

[training]
steps = 2
batch = 4
learning_rate = 0.1

[problem]
file = "mine.py"
"""


def load(tmp_path, source: str, *overrides: str):
    (tmp_path / "mine.py").write_text(textwrap.dedent(source))
    (tmp_path / "mine.toml").write_text(NETWORK)
    return load_config(tmp_path / "mine.toml", overrides)


def test_file_is_found_beside_the_configuration(tmp_path) -> None:
    samples = problem_samples(load(tmp_path, GOOD))
    assert samples.test.targets.shape == (10_000, 1)
    assert (samples.test.targets == 1).all()


def test_digest_changes_with_the_equation(tmp_path) -> None:
    first = problem_samples(load(tmp_path, GOOD)).digest
    assert problem_samples(load(tmp_path, GOOD + "# a comment\n")).digest == first
    assert problem_samples(load(tmp_path, GOOD.replace("- 1", "- 2"))).digest != first
    assert problem_samples(load(tmp_path, GOOD.replace("np.ones", "np.zeros"))).digest != first


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("def exact", "def exakt", "problem Flat lacks the method 'exact'"),
        ("def losses", "def loss", "problem Flat lacks the method 'losses'"),
        ("inputs = 2", "inputs = 'x'", "Flat: inputs must be 1 or more, not 'x'"),
        ("inputs = 2", "pass", "Flat: inputs must be 1 or more, not None"),
        ("inputs = 2", "inputs = 3", "network takes 2 inputs and gives 1 outputs, but .* needs 3"),
        ("inputs = 2", "inputs = 2; sets = {}", "sets must name one set of points or more"),
        ("inputs = 2", "inputs = 2; sets = {'interior': 0}", "each with a number above 0"),
        ("inputs = 2", "inputs = 2; differentiated = ('edge',)", "must name sets, .* not 'edge'"),
        ("inputs = 2", "inputs = 2; differentiated = ()", "'interior' has no derivatives"),
        ("inputs = 2", "inputs = 2; laplacian_axes = (2,)", "must name inputs, 0 to 1, not"),
        ("inputs = 2", "inputs = 2; tolerated_noise = 0", "must be a number above 0, not 0"),
        ("inputs = 2", "inputs = 2; picture = {2: 'x'}", "picture must map one or two of the"),
        ("inputs = 2", "inputs = 2; picture = ('x',)", "picture must map .* not \\('x',\\)"),
        ("mean_square(f.first(0))", "f.first(0)", "losses must return one float per query"),
        ("f.first(0)", "f.first(2)", "Flat, losses: axis must be 0 to 1"),
        ("f.first(0)", "f.frist(0)", "losses failed, mend it: .*no attribute 'frist'"),
        ('["interior"]', '["inside"]', r"losses failed, mend it: 'inside' \(KeyError in mine"),
        ("f.value - 1", "1 / 0", r"by zero \(ZeroDivisionError in mine.py, line 10\)"),
        ("import numpy as np", "1 / 0", "cannot be loaded, mend it: division by zero"),
        ("np.ones(len(points))", "np.ones(3)", r"exact must return one .* \(4,\), not .* \(3,\)"),
        ("np.ones(len(points))", "0 * points[:, 0] + np.nan", "exact must return finite numbers"),
        ("class Flat(Problem)", "class Flat", "define one subclass of tenzo.Problem, not none"),
        ("import numpy as np", "import no_such", "cannot be loaded, mend it: No module"),
        ("class Flat(Problem):", "class Flat(Problem)", "cannot be loaded, mend it: expected"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_named(tmp_path, old, new, sentence) -> None:
    assert old in GOOD
    with pytest.raises(UserError, match=sentence):
        problem_samples(load(tmp_path, GOOD.replace(old, new)))


def test_second_class_in_a_file_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match=r"define one subclass .* not Flat, Other"):
        problem_samples(load(tmp_path, GOOD + "\nclass Other(Flat): pass\n"))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("problem.file='gone.py'", "gone.py does not exist: name a Python file"),
        ("problem.name='hjb20'", "exactly one of name, file and entry_point, not name and file"),
        ("problem={}", "exactly one of name, file and entry_point, not none"),
        ("problem={name='hjb'}", "one of black-scholes, hjb20, poisson10, not 'hjb'"),
        ("problem={entry_point='json:dumps'}", "must name a subclass of tenzo.Problem"),
        ("data={preset='digits'}", "data must be left out of a configuration with a problem"),
        ("training.loss=cross-entropy", "training.loss must be left out, since the problem has"),
        ("problem.derivatives.step=3.0e-8", "step must be a power of two such as 0.25, not 3e-08"),
        ("problem.derivatives.step=1.1920928955078125e-07", "step must be at least 0.00012207"),
        ("problem.derivatives.step=4.0", "stencil reach .* outside formats.activation"),
        ("problem.derivatives.sigma=0.1", "'central' has no option 'sigma'"),
        ("training.batch=20000000", "take 1.5 GiB of memory, more than 1 GiB"),
    ],
)
def test_slips_in_the_table_are_named(tmp_path, override, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        problem_samples(load(tmp_path, GOOD, override))


def test_residual_needs_a_problem() -> None:
    with pytest.raises(UserError, match="problem is missing: the loss residual is that of"):
        load_config("digits", ["training.loss=residual"])


def test_problem_by_entry_point_is_the_class() -> None:
    made = make_problem(entry_point="tenzo.sw.problems.hjb20:Hjb20")
    assert made.exact(np.zeros((1, 21))).tolist() == [1.0]
