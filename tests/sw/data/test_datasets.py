"""Data sets, their splits and the files they come from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets

from tenzo.sw.data.datasets import (
    DIGITS_SEED,
    Dataset,
    load_digits,
    load_function,
    load_npz,
    split_dataset,
    split_indices,
    synthetic,
)
from tenzo.sw.data.npz_files import read_npz
from tenzo.sw.errors import UserError

DIGITS_FILE = Path(__file__).parents[3] / "sw" / "data" / "digits.npz"
LABELS = np.repeat(np.arange(3), [50, 30, 20])


def whole(split: str, data: Dataset) -> set[tuple[float, ...]]:
    return {tuple(row) for row in getattr(data, f"{split}_x")}


def test_digits_equal_their_origin() -> None:
    origin = sklearn.datasets.load_digits()
    arrays = read_npz(DIGITS_FILE)
    data = load_digits()
    for split, count in (("train", 1287), ("validation", 150), ("test", 360)):
        indices = arrays[split]
        assert len(indices) == count
        assert (getattr(data, f"{split}_x") * 16 == origin.data[indices]).all()
        assert (getattr(data, f"{split}_y") == origin.target[indices]).all()


def test_digits_split_is_the_seeded_one_and_uses_every_image_once() -> None:
    arrays = read_npz(DIGITS_FILE)
    expected = split_indices(arrays["labels"], 150, 360, DIGITS_SEED)
    committed = [arrays[split] for split in ("train", "validation", "test")]
    assert [part.tolist() for part in committed] == [part.tolist() for part in expected]
    assert sorted(np.concatenate(committed).tolist()) == list(range(1797))


def test_digits_features_lie_in_the_unit_interval() -> None:
    data = load_digits()
    assert data.train_x.dtype == np.float64 and data.train_y.dtype == np.int64
    assert data.train_x.min() == 0.0 and data.train_x.max() == 1.0
    assert (data.inputs, data.outputs, data.is_classification) == (64, 10, True)


def test_split_keeps_the_proportions_of_the_classes() -> None:
    for part, size in zip(split_indices(LABELS, 10, 20, 5), (70, 10, 20), strict=True):
        expected = np.array([0.5, 0.3, 0.2]) * size
        assert np.abs(np.bincount(LABELS[part], minlength=3) - expected).max() <= 1


@pytest.mark.parametrize("targets", [LABELS, np.linspace(0, 1, 100)[:, None]])
def test_split_is_a_shuffled_partition_that_follows_its_seed(targets: np.ndarray) -> None:
    parts = split_indices(targets, 10, 20, 5)
    assert sorted(np.concatenate(parts).tolist()) == list(range(100))
    assert parts[0].tolist() != sorted(parts[0])
    assert parts[0].tolist() != split_indices(targets, 10, 20, 6)[0].tolist()


def test_npz_with_x_and_y_is_split_80_10_10(tmp_path: Path) -> None:
    x = np.arange(200.0).reshape(100, 2)
    np.savez(tmp_path / "mine.npz", x=x, y=LABELS)
    data = load_npz(tmp_path / "mine.npz")
    assert [len(part) for part in (data.train_y, data.validation_y, data.test_y)] == [80, 10, 10]
    for split in ("train", "validation", "test"):
        features, labels = getattr(data, f"{split}_x"), getattr(data, f"{split}_y")
        assert (LABELS[(features[:, 0] / 2).astype(int)] == labels).all()
    assert len(whole("train", data) | whole("validation", data) | whole("test", data)) == 100


def test_npz_with_six_arrays_is_used_as_it_is(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {}
    for index, split in enumerate(("train", "validation", "test")):
        arrays[f"{split}_x"] = np.full((4, 2, 3), index)
        arrays[f"{split}_y"] = np.full((4, 2), float(index))
    np.savez_compressed(tmp_path / "mine.npz", **arrays)
    data = load_npz(tmp_path / "mine.npz")
    assert data.test_x.tolist() == [[2.0] * 6] * 4
    assert (data.inputs, data.outputs, data.is_classification) == (6, 2, False)


def test_npz_never_loads_a_pickle(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (marker,)  # type: ignore[return-value]

    np.savez(tmp_path / "bad.npz", x=np.array([Hostile()] * 20), y=np.arange(20))
    with pytest.raises(UserError, match=r"bad.npz holds pickled objects"):
        load_npz(tmp_path / "bad.npz")
    assert not marker.exists()


def test_a_missing_empty_truncated_or_foreign_npz_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    with pytest.raises(UserError, match=r"mine.npz is not a file"):
        load_npz(path)
    np.savez(path, x=np.zeros((100, 2)), y=LABELS)
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[200] ^= 1
    np.savez_compressed(path, x=np.zeros((100, 2)), y=LABELS)
    unpackable = bytearray(path.read_bytes())
    start = unpackable.index(b"x.npy") + 25
    unpackable[start : start + 8] = b"\xff" * 8
    for bad in (b"", content[:1000], b"x,y\n1,2\n", bytes(damaged), bytes(unpackable)):
        path.write_bytes(bad)
        with pytest.raises(UserError, match=r"mine.npz is (not a whole .npz file|damaged)"):
            load_npz(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "must hold the arrays x and y, or .*; it holds a"),
        ({"x": np.zeros((9, 2)), "y": np.zeros(9)}, "at least 10 samples, not 9"),
        ({"x": np.zeros((20, 2)), "y": np.zeros(19)}, "x has 20 samples and y has 19"),
        ({"x": np.zeros(20), "y": np.zeros(20)}, r"x must be numbers .* not float64 of shape"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "at least one of each"),
        ({"x": np.full((20, 2), np.nan), "y": np.zeros(20)}, "x holds NaN or infinity"),
        ({"x": np.zeros((20, 2)), "y": np.full(20, np.inf)}, "y holds NaN or infinity"),
        ({"x": np.zeros((20, 2)), "y": np.full(20, -1)}, "y holds the label -1"),
        ({"x": np.zeros((20, 2)), "y": np.full(20, "a")}, "y must be integer labels"),
        ({"x": np.full((20, 2), "a"), "y": np.zeros(20)}, "x must be numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(UserError, match=message):
        load_npz(tmp_path / "mine.npz")


def test_splits_without_a_target_for_each_sample_are_named() -> None:
    x, y = np.zeros((3, 2)), np.zeros(3)
    with pytest.raises(UserError, match="validation_x has 3 samples and validation_y has 2"):
        Dataset("mine", x, y, x, y[:2], x, y)


def test_splits_of_other_widths_are_named() -> None:
    x, y = np.zeros((3, 2)), np.zeros(3)
    with pytest.raises(UserError, match=r"test has samples of \(3,\) -> \(1,\)"):
        Dataset("mine", x, y, x, y, np.zeros((3, 3)), y)


def test_an_entry_point_that_fails_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_data.py").write_text("def load():\n    return open_it()\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"failed, mend it: .*\(NameError in failing_data.py, line 2\)"
    ):
        load_function("failing_data:load")


def test_an_entry_point_gives_a_pair_or_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_data.py").write_text(
        "import numpy as np\n"
        "from tenzo.sw.data.datasets import synthetic\n"
        "def pair():\n    return np.zeros((20, 3)), np.arange(20) % 2\n"
        "def ready():\n    return synthetic(4, 5)\n"
        "def wrong():\n    return [1, 2]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert load_function("users_data:pair").outputs == 2
    assert load_function("users_data:ready").inputs == 4
    with pytest.raises(UserError, match=r"must return a Dataset or a pair \(x, y\), not list"):
        load_function("users_data:wrong")


@pytest.mark.parametrize("labels", [True, False])
def test_synthetic_data_has_the_shape_asked_for(labels: bool) -> None:
    data = synthetic(5, 3, samples=7, seed=2, labels=labels)
    assert (data.inputs, data.outputs, data.is_classification) == (5, 3, labels)
    assert len(data.train_x) == len(data.test_y) == 7
    assert data.synthetic
    assert data.train_x.tolist() == synthetic(5, 3, 7, 2, labels).train_x.tolist()
    assert data.train_x.tolist() != synthetic(5, 3, 7, 3, labels).train_x.tolist()


def test_split_dataset_follows_its_seed() -> None:
    x = np.arange(200.0).reshape(100, 2)
    first, second = split_dataset("a", x, LABELS, 1), split_dataset("a", x, LABELS, 2)
    assert whole("test", first) != whole("test", second)
