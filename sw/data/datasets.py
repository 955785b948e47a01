"""Data sets: features scaled to 0 ... 1, split into training, validation and test."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.entry_points import load_entry_point
from tenzo.sw.data.npz_files import read_npz
from tenzo.sw.errors import CODE_ERRORS, UserError, code_error
from tenzo.sw.numerics import FloatArray
from tenzo.sw.random_streams import permutation, uniform

Targets = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
SPLIT_NAMES = ("train", "validation", "test")
DIGITS_SEED = 1
"""Seed of the committed split of the digits."""


@dataclass(frozen=True)
class Dataset:
    """Features and targets of three splits.

    Parameters
    ----------
    name : :class:`str`
        What messages and reports call it.
    train_x, validation_x, test_x : :class:`numpy.ndarray`
        Features, float64 of shape (samples, inputs).
    train_y, validation_y, test_y : :class:`numpy.ndarray`
        Labels, int64 of shape (samples,), or targets, float64 of shape (samples, outputs).
    synthetic : :class:`bool`
        Made up to have the right shape; nothing can be learnt from it.

    Raises
    ------
    UserError
        If shapes disagree, a split is empty, a number is not finite or a label is negative.
    """

    name: str
    train_x: FloatArray
    train_y: Targets
    validation_x: FloatArray
    validation_y: Targets
    test_x: FloatArray
    test_y: Targets
    synthetic: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        for split in SPLIT_NAMES:
            for kind, convert in (("x", to_features), ("y", to_targets)):
                key = f"{split}_{kind}"
                object.__setattr__(self, key, convert(self.name, key, getattr(self, key)))
            x, y = getattr(self, f"{split}_x"), getattr(self, f"{split}_y")
            if len(x) != len(y):
                raise UserError(
                    f"{self.name}: {split}_x has {len(x)} samples and {split}_y has {len(y)}; "
                    "give each sample one target"
                )
            if x.shape[1] != self.inputs or y.shape[1:] != self.train_y.shape[1:]:
                raise UserError(
                    f"{self.name}: {split} has samples of {x.shape[1:]} -> {y.shape[1:]}, train of "
                    f"{self.train_x.shape[1:]} -> {self.train_y.shape[1:]}; make them alike"
                )

    @property
    def inputs(self) -> int:
        """Features per sample."""
        return int(self.train_x.shape[1])

    @property
    def outputs(self) -> int:
        """Outputs that a network needs: classes (the highest label + 1) or targets per sample."""
        if self.train_y.ndim == 2:
            return int(self.train_y.shape[1])
        return 1 + int(max(y.max() for y in (self.train_y, self.validation_y, self.test_y)))

    @property
    def is_classification(self) -> bool:
        """True for labels, False for float targets."""
        return self.train_y.ndim == 1


def to_features(name: str, key: str, array: npt.ArrayLike) -> FloatArray:
    """Return float64 features (samples, inputs); all axes but the first are flattened, C order."""
    x = np.asarray(array)
    if x.dtype.kind not in "fiub" or x.ndim < 2 or x.size == 0:
        raise UserError(
            f"{name}: {key} must be numbers of shape (samples, inputs), at least one of each, "
            f"not {x.dtype} of shape {x.shape}"
        )
    x = x.reshape(len(x), -1).astype(np.float64)
    if not np.isfinite(x).all():
        raise UserError(f"{name}: {key} holds NaN or infinity; replace those values")
    return x


def to_targets(name: str, key: str, array: npt.ArrayLike) -> Targets:
    """Return int64 labels (samples,) or float64 targets (samples, outputs)."""
    y = np.asarray(array)
    if y.dtype.kind in "iub" and y.ndim == 1 and y.size:
        if y.min() < 0:
            raise UserError(f"{name}: {key} holds the label {y.min()}; labels must be 0 or more")
        return y.astype(np.int64)
    if y.dtype.kind != "f" or y.ndim not in (1, 2) or y.size == 0:
        raise UserError(
            f"{name}: {key} must be integer labels of shape (samples,) or float targets of shape "
            f"(samples, outputs), not {y.dtype} of shape {y.shape}"
        )
    if not np.isfinite(y).all():
        raise UserError(f"{name}: {key} holds NaN or infinity; replace those values")
    return y.reshape(len(y), -1).astype(np.float64)


def split_indices(
    targets: Targets, validation_count: int, test_count: int, seed: int
) -> tuple[Indices, Indices, Indices]:
    """Return shuffled indices of train, validation and test; stratified for labels.

    Samples are shuffled; for labels they are then ordered by the share of their class that lies
    before them, so that every stretch of the order holds all classes in nearly their proportions.
    The stretches are test, validation and train, which are shuffled again.

    Parameters
    ----------
    targets : :class:`numpy.ndarray`
        Labels int64 (samples,) or targets float64 (samples, outputs).
    validation_count, test_count : :class:`int`
        Samples held out; the rest is for training.
    seed : :class:`int`
        0 to 2^64 - 1.

    Returns
    -------
    :class:`tuple`
        Three int64 arrays.
    """
    count = len(targets)
    order = permutation(count, seed, 0)
    if targets.ndim == 1:
        place = np.empty(count)
        for label in np.unique(targets):
            members = np.flatnonzero(targets[order] == label)
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(place, kind="stable")]
    parts = np.split(order, [test_count, test_count + validation_count])
    test, validation, train = (
        part[permutation(len(part), seed, 1 + stream)] for stream, part in enumerate(parts)
    )
    return train, validation, test


def _select(
    name: str, x: FloatArray, y: Targets, splits: tuple[Indices, Indices, Indices]
) -> Dataset:
    """Cut features and targets into the three splits."""
    train, validation, test = splits
    return Dataset(name, x[train], y[train], x[validation], y[validation], x[test], y[test])


def load_digits() -> Dataset:
    """Return the UCI optical digits: 8 x 8 images of ten classes, grey values 0 ... 16 over 16.

    1,287 images for training, 150 for validation, 360 for test, by the committed indices.
    """
    arrays = read_npz(Path(str(files("tenzo.sw") / "data" / "digits.npz")))
    x = arrays["images"].astype(np.float64) / 16.0
    train, validation, test = (arrays[split].astype(np.int64) for split in SPLIT_NAMES)
    return _select("digits", x, arrays["labels"].astype(np.int64), (train, validation, test))


def load_npz(path: Path, seed: int = 0) -> Dataset:
    """Return a user's data from an ``.npz`` file.

    The file holds either ``x`` and ``y``, which are split 80 / 10 / 10 (shuffled with ``seed``;
    stratified for labels), or six arrays ``train_x``, ``train_y``, ``validation_x``,
    ``validation_y``, ``test_x`` and ``test_y``. Features are used as they are: scale them to the
    activation format first. Integer ``y`` are labels, float ``y`` targets.

    Raises
    ------
    UserError
        If the file is missing, damaged, holds pickles, or its arrays do not fit.
    """
    arrays = read_npz(path)
    name = path.name
    keys = {f"{split}_{kind}" for split in SPLIT_NAMES for kind in "xy"}
    if keys <= arrays.keys():
        return Dataset(name, *(arrays[f"{split}_{kind}"] for split in SPLIT_NAMES for kind in "xy"))
    if not {"x", "y"} <= arrays.keys():
        held = ", ".join(sorted(arrays)) or "nothing"
        raise UserError(
            f"{path} must hold the arrays x and y, or {', '.join(sorted(keys))}; it holds {held}"
        )
    return split_dataset(name, arrays["x"], arrays["y"], seed)


def split_dataset(name: str, x: npt.ArrayLike, y: npt.ArrayLike, seed: int = 0) -> Dataset:
    """Return a data set split 80 / 10 / 10; :class:`UserError` for fewer than 10 samples."""
    features, targets = to_features(name, "x", x), to_targets(name, "y", y)
    if len(features) != len(targets):
        raise UserError(
            f"{name}: x has {len(features)} samples and y has {len(targets)}; "
            "give each sample one target"
        )
    if len(features) < 10:
        raise UserError(f"{name}: a split needs at least 10 samples, not {len(features)}")
    tenth = len(features) // 10
    return _select(name, features, targets, split_indices(targets, tenth, tenth, seed))


def load_function(name: str, seed: int = 0) -> Dataset:
    """Return what a user's function ``module:function`` returns.

    The function takes no arguments and returns a :class:`Dataset`, or a pair (x, y), which is split
    as :func:`load_npz` does.

    Raises
    ------
    UserError
        If the function cannot be found or returns something else.
    """
    function: Callable[[], object] = load_entry_point(name, "data")
    try:
        data = function()
    except UserError:
        raise
    except CODE_ERRORS as error:
        raise UserError(f"data function {name!r} failed, mend it: {code_error(error)}") from error
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return split_dataset(name, data[0], data[1], seed)
    raise UserError(
        f"data function {name!r} must return a Dataset or a pair (x, y), not {type(data).__name__}"
    )


def synthetic(
    inputs: int, outputs: int, samples: int = 256, seed: int = 0, labels: bool = True
) -> Dataset:
    """Return seeded random data of the right shape, for planning and simulation without data.

    Parameters
    ----------
    inputs, outputs : :class:`int`
        Features per sample; classes, or targets per sample.
    samples : :class:`int`
        Samples in each of the three splits.
    seed : :class:`int`
        0 to 2^64 - 1.
    labels : :class:`bool`
        Labels, every class in turn; otherwise float targets from 0 to 1.
    """
    x = uniform(seed, 0, 3 * samples * inputs).reshape(3, samples, inputs)
    if labels:
        y: Targets = np.tile(np.arange(samples, dtype=np.int64) % outputs, (3, 1))
    else:
        y = uniform(seed, 1, 3 * samples * outputs).reshape(3, samples, outputs)
    return Dataset("synthetic", x[0], y[0], x[1], y[1], x[2], y[2], synthetic=True)
