"""Losses and scores against plain definitions and arbitrary precision."""

from pathlib import Path

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.numerics import exp, fixed_sum, log
from tenzo.sw.training.losses import (
    CrossEntropy,
    MeanSquaredError,
    UserLoss,
    accuracy,
    confusion_matrix,
    make_loss,
    predictions,
    relative_l2,
)

FRAC_BITS = 12


def drawn_outputs(queries: int = 3, samples: int = 5, outputs: int = 10) -> np.ndarray:
    shape = (queries, samples, outputs)
    return np.random.default_rng(2).integers(-(1 << 16), 1 << 16, shape)


LABELS = np.array([0, 9, 3, 3, 7])


def test_cross_entropy_equals_its_definition() -> None:
    outputs = drawn_outputs()
    losses = CrossEntropy()(outputs, FRAC_BITS, LABELS)
    assert losses.shape == (3, 5)
    mpmath.mp.prec = 120
    for query in range(3):
        for sample in range(5):
            row = [mpmath.mpf(int(raw)) / 4096 for raw in outputs[query, sample]]
            exact = mpmath.log(sum(map(mpmath.exp, row))) - row[LABELS[sample]]
            assert abs(losses[query, sample] - exact) < 1e-14 * max(1, exact)


def test_sums_run_in_the_fixed_order() -> None:
    outputs = drawn_outputs(outputs=100) >> 6
    scaled = (outputs - outputs.max(axis=2, keepdims=True)) / 4096
    chosen = np.take_along_axis(scaled, np.tile(LABELS, (3, 1))[..., None], 2)[..., 0]
    expected = log(fixed_sum(exp(scaled), 2)) - chosen
    assert CrossEntropy()(outputs, FRAC_BITS, LABELS).tolist() == expected.tolist()


@pytest.mark.parametrize("loss", [CrossEntropy(), MeanSquaredError()])
def test_bits_do_not_depend_on_layout_type_or_split(loss: CrossEntropy | MeanSquaredError) -> None:
    outputs = drawn_outputs()
    targets = LABELS if isinstance(loss, CrossEntropy) else np.linspace(-3, 3, 50).reshape(5, 10)
    whole = loss(outputs, FRAC_BITS, targets).tolist()
    assert loss(np.asfortranarray(outputs), FRAC_BITS, targets).tolist() == whole
    assert loss(outputs.astype(np.float64), FRAC_BITS, targets).tolist() == whole
    parts = [loss(outputs[q : q + 1], FRAC_BITS, targets)[0].tolist() for q in range(3)]
    assert parts == whole
    first = loss(outputs[:, :2], FRAC_BITS, targets[:2])
    assert first.tolist() == [row[:2] for row in whole]


def test_cross_entropy_of_the_largest_outputs_is_finite() -> None:
    outputs = np.array([[[(1 << 31) - 1, -(1 << 31)], [-(1 << 31), (1 << 31) - 1]]])
    losses = CrossEntropy()(outputs, 0, np.array([0, 0]))
    assert losses.tolist() == [[0.0, 2.0**32 - 1]]


def test_losses_leave_outputs_untouched() -> None:
    outputs = drawn_outputs().astype(np.float64)
    before = outputs.copy()
    CrossEntropy()(outputs, FRAC_BITS, LABELS)
    MeanSquaredError()(outputs, FRAC_BITS, np.zeros((5, 10)))
    assert (outputs == before).all()


def test_mean_squared_error_equals_its_definition() -> None:
    outputs = drawn_outputs()
    targets = np.round(np.random.default_rng(3).normal(size=(5, 10)), 2)
    losses = MeanSquaredError()(outputs, FRAC_BITS, targets)
    expected = ((outputs / 4096 - targets) ** 2).mean(axis=2)
    np.testing.assert_allclose(losses, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(5), "must be 5 integers, not float64"),
        (np.zeros(4, np.int64), r"must be 5 integers, not int64 of shape \(4,\)"),
        (np.array([0, 1, 2, 3, 10]), "must be 0 to 9 for 10 outputs, not 0 to 10"),
        (np.array([0, 1, 2, 3, -1]), "not -1 to 3"),
    ],
)
def test_cross_entropy_names_bad_labels(labels: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        CrossEntropy()(drawn_outputs(), FRAC_BITS, labels)


@pytest.mark.parametrize("targets", [np.zeros((5, 9)), np.zeros(5, np.int64)])
def test_mean_squared_error_names_bad_targets(targets: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"must be floats of shape \(5, 10\)"):
        MeanSquaredError()(drawn_outputs(), FRAC_BITS, targets)


def test_unknown_loss_lists_the_known() -> None:
    with pytest.raises(UserError, match=r"cross-entropy, mean-squared-error.*not 'hinge'"):
        make_loss("hinge")


def test_a_users_function_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "absolute_loss.py").write_text(
        "def loss(outputs, targets):\n    return abs(outputs - targets).max(axis=1)\n"
    )
    monkeypatch.chdir(tmp_path)
    loss = make_loss("absolute_loss:loss")
    outputs = drawn_outputs()
    targets = np.ones((5, 10))
    expected = np.abs(outputs / 4096 - 1).max(axis=2)
    assert loss.name == "absolute_loss:loss"
    assert loss(outputs, FRAC_BITS, targets).tolist() == expected.tolist()


def test_a_users_loss_of_the_wrong_shape_is_named() -> None:
    with pytest.raises(UserError, match=r"'mine' must return one float per sample, shape \(5,\)"):
        UserLoss("mine", lambda outputs, targets: outputs)(drawn_outputs(), FRAC_BITS, LABELS)


def test_a_users_loss_that_is_not_finite_is_named() -> None:
    loss = UserLoss("mine", lambda outputs, targets: np.full(5, np.nan))
    with pytest.raises(UserError, match="'mine' must return finite numbers"):
        loss(drawn_outputs(), FRAC_BITS, LABELS)


def test_a_users_loss_that_fails_is_named() -> None:
    loss = UserLoss("mine", lambda outputs, targets: outputs + np.zeros(3))
    with pytest.raises(UserError, match="'mine' failed, mend it: operands could not"):
        loss(drawn_outputs(), FRAC_BITS, LABELS)


def test_a_users_loss_that_divides_by_zero_is_named_with_its_line() -> None:
    loss = UserLoss("mine", lambda outputs, targets: 1 / 0)
    with pytest.raises(
        UserError, match=r"by zero \(ZeroDivisionError in test_losses.py, line \d+\)"
    ):
        loss(drawn_outputs(), FRAC_BITS, LABELS)


def test_predictions_take_the_first_of_equals() -> None:
    assert predictions(np.array([[1, 3, 3], [2, 2, 1]])).tolist() == [1, 0]


def test_accuracy_is_the_share_of_right_predictions() -> None:
    assert accuracy(np.eye(4, dtype=np.int64), np.array([0, 1, 2, 0])) == 0.75


def test_confusion_matrix_counts_labels_by_row() -> None:
    outputs = np.array([[0, 1, 0], [0, 1, 0], [5, 1, 0]])
    matrix = confusion_matrix(outputs, np.array([1, 2, 2]))
    assert matrix.tolist() == [[0, 0, 0], [0, 1, 0], [1, 1, 0]]


def test_relative_l2_of_half_the_target_is_one_half() -> None:
    targets = np.array([[2.0, -4.0], [6.0, 1.0]])
    assert relative_l2(np.array([[4, -8], [12, 2]]), 2, targets) == 0.5


def test_relative_l2_needs_nonzero_targets() -> None:
    with pytest.raises(UserError, match="not all zero"):
        relative_l2(np.ones((2, 1), dtype=np.int64), 0, np.zeros((2, 1)))
