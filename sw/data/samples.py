"""Data sets as an engine takes them: loaded as a configuration says, checked, in fixed point."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config
from tenzo.sw.configuration.tables import DataTable
from tenzo.sw.data.datasets import (
    SPLIT_NAMES,
    Dataset,
    load_digits,
    load_function,
    load_npz,
    synthetic,
)
from tenzo.sw.data.digits28 import load_digits28
from tenzo.sw.data.mnist import load_mnist
from tenzo.sw.errors import MissingDataError, UserError
from tenzo.sw.formats import RESULT_WIDTH, Format
from tenzo.sw.networks.network import Network
from tenzo.sw.numerics import FloatArray

IntArray = npt.NDArray[Any]
_LOG = logging.getLogger(__name__)
_MOST_SATURATED = 0.01
_LARGEST_TARGET = 2.0 ** (RESULT_WIDTH - 1)
_ROWS = 4096


@dataclass(frozen=True)
class Split:
    """Samples of one split.

    ``samples_raw`` holds raw activations of shape (samples, inputs), in the smallest type that
    holds the format; ``targets`` labels int64 (samples,) or float64 (samples, outputs).
    ``solution``, where a problem is solved, makes of outputs, float64 (samples, outputs), what is
    compared with the targets.
    """

    samples_raw: IntArray
    targets: npt.NDArray[Any]
    solution: Callable[[FloatArray], FloatArray] | None = None

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Samples:
    """A data set in fixed point; ``digest`` is a hash of all its numbers."""

    name: str
    train: Split
    validation: Split
    test: Split
    is_classification: bool
    digest: str


def with_data_folder(config: Config, folder: str | os.PathLike[str] | None) -> Config:
    """Return the configuration with the folder of its data filled in.

    Parameters
    ----------
    config : :class:`Config`
    folder
        What ``--data`` names. Without it, the variable ``TENZO_DATA`` names the folder of MNIST;
        without that, the configuration.

    Raises
    ------
    UserError
        If a folder is given for data that is in none.
    """
    table = config.data
    if table is not None and table.mnist:
        chosen = folder or os.environ.get("TENZO_DATA")
        if not chosen and table.mnist is True:
            return config
        path = Path(chosen or str(table.mnist)).expanduser().absolute()
        return config.model_copy(update={"data": DataTable(mnist=str(path))})
    if folder is None:
        return config
    if table is not None and table.npz:
        path = Path(folder).expanduser().absolute() / Path(table.npz).name
        return config.model_copy(update={"data": DataTable(npz=str(path))})
    raise UserError(f"--data {folder} must be left out: this configuration's data is in no folder")


def load_samples(config: Config, made_up: bool = False) -> Samples:
    """Load, check and quantize the data of a configuration, or the points of its problem.

    Parameters
    ----------
    config : :class:`Config`
    made_up : :class:`bool`
        Where the data is not named or not there, take synthetic data of the right shape. Data that
        is there is used or refused.

    Raises
    ------
    UserError
        If the data is missing or damaged, or does not fit the network or the format.
    """
    if config.problem is not None:
        from tenzo.sw.problems.samples import problem_samples

        return problem_samples(config)
    network = config.network()
    labels = config.training.loss != "mean-squared-error"
    try:
        dataset = _load(config)
    except MissingDataError:
        if not made_up:
            raise
        dataset = synthetic(network.inputs, network.outputs, labels=labels)
        _LOG.warning("data: synthetic, of the right shape only")
    _check_sizes(dataset, network)
    return quantize_dataset(dataset, config.activation_format())


def quantize_dataset(dataset: Dataset, activation: Format) -> Samples:
    """Return a data set in fixed point.

    Raises
    ------
    UserError
        If many features are outside the activation format, or a target is beyond every output.
    """
    splits = {}
    state = hashlib.sha256()
    for name in SPLIT_NAMES:
        features, targets = getattr(dataset, f"{name}_x"), getattr(dataset, f"{name}_y")
        _check_range(dataset.name, name, features, activation)
        _check_targets(dataset.name, name, targets)
        splits[name] = Split(_quantized(features, activation), targets)
        for array in (splits[name].samples_raw, targets):
            state.update(f"{array.dtype.str} {array.shape}\n".encode())
            state.update(np.ascontiguousarray(array).data)
    return Samples(
        dataset.name,
        **splits,
        is_classification=dataset.is_classification,
        digest=state.hexdigest(),
    )


def _quantized(features: npt.NDArray[np.float64], activation: Format) -> IntArray:
    """Quantize rows in parts, so that large data is never in memory as int64."""
    raw = np.empty(features.shape, np.min_scalar_type(activation.min_raw))
    for first in range(0, len(raw), _ROWS):
        raw[first : first + _ROWS] = activation.quantize(features[first : first + _ROWS])
    return raw


def _load(config: Config) -> Dataset:
    """Load the data set that a configuration names."""
    table = config.data
    if table is None:
        raise MissingDataError(
            "data is missing: add a table [data] that says where samples come from"
        )
    if table.preset:
        return load_digits() if table.preset == "digits" else load_digits28()
    if table.npz:
        return load_npz(Path(table.npz))
    if table.entry_point:
        return load_function(table.entry_point)
    if table.mnist is True:
        raise MissingDataError(
            "data.mnist needs a folder: name it by --data, TENZO_DATA or data.mnist"
        )
    return load_mnist(Path(str(table.mnist)))


def _check_sizes(dataset: Dataset, network: Network) -> None:
    """Compare a data set with the network's first and last layer."""
    if dataset.inputs != network.inputs:
        raise UserError(
            f"data {dataset.name} has {dataset.inputs} features per sample, but the network takes "
            f"{network.inputs}: change the first layer's inputs or the data"
        )
    fits = dataset.outputs <= network.outputs
    if not (fits if dataset.is_classification else dataset.outputs == network.outputs):
        kind = "classes" if dataset.is_classification else "targets per sample"
        raise UserError(
            f"data {dataset.name} has {dataset.outputs} {kind}, but the network gives "
            f"{network.outputs} outputs: change the last layer's outputs or the data"
        )


def _check_range(
    name: str, split: str, features: npt.NDArray[np.float64], activation: Format
) -> None:
    """Refuse features of which more than a hundredth would saturate; warn about fewer."""
    low, high = activation.min_raw * activation.step, activation.max_raw * activation.step
    outside = np.count_nonzero(
        (features < low - activation.step) | (features > high + activation.step)
    )
    if not outside:
        return
    sentence = (
        f"data {name}: {outside} of {features.size} numbers of {split} are outside the activation "
        f"format's {low:g} to {high:g} (they reach {features.min():g} and {features.max():g}): "
        "scale them, or give formats.activation fewer fractional bits"
    )
    if outside > _MOST_SATURATED * features.size:
        raise UserError(sentence)
    _LOG.warning("%s", sentence)


def _check_targets(name: str, split: str, targets: npt.NDArray[Any]) -> None:
    """Refuse float targets that no result can come near, and whose squares might overflow."""
    reach = float(np.abs(targets).max())
    if targets.dtype.kind == "f" and reach > _LARGEST_TARGET:
        raise UserError(
            f"data {name}: targets of {split} reach {reach:g} and outputs end below "
            f"{_LARGEST_TARGET:g}: scale the targets"
        )
