"""A trained network, read from the folder of its run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.data.samples import load_samples, with_data_folder
from tenzo.sw.device import Device
from tenzo.sw.devices import open_device
from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.training.evaluation import Evaluation, compute_outputs, evaluate
from tenzo.sw.training.losses import make_loss, predictions
from tenzo.sw.training.runs import RunFolder, open_run


@dataclass(frozen=True)
class Trained:
    """A network with the weights and shifts of a checkpoint.

    Parameters
    ----------
    folder : :class:`RunFolder`
    config : :class:`Config`
        As used by the run.
    plan : :class:`Plan`
        With the calibrated shifts.
    weights : float64 array of shape (parameters,)
        Shadow weights of the optimiser.
    parameters_raw : int64 array of shape (parameters,)
        Their rounding: what a device holds.
    step : :class:`int`
        Training steps made.
    """

    folder: RunFolder
    config: Config
    plan: Plan
    weights: FloatArray
    parameters_raw: npt.NDArray[np.int64]
    step: int

    def check_same_network(self, config: Config) -> None:
        """Raise :class:`UserError` if a configuration has another network or other formats."""
        if (config.network(), config.formats) != (self.plan.network, self.config.formats):
            raise UserError(
                f"the weights of {self.folder.path} are of another network or other formats than "
                "those given: leave [network] and [formats] as they are, or train anew"
            )

    def load_into(self, device: Device) -> None:
        """Load program and weights into a device made for ``config.engine()``."""
        device.load_program(self.plan.program)
        device.write_parameters(self.parameters_raw)

    def open_device(
        self, name: str | Sequence[str] = "golden", kernel: str | None = None
    ) -> Device:
        """Return a device that holds the network; as for ``--device`` and ``--kernel``."""
        device = open_device(name, self.config.engine(), kernel)
        self.load_into(device)
        return device


@dataclass(frozen=True)
class Prediction:
    """Outputs, float64 (samples, outputs), and for a classifier labels, int64 (samples,).

    Of a problem, outputs are its solution.
    """

    outputs: FloatArray
    labels: npt.NDArray[np.int64] | None


def load_trained(path: str | os.PathLike[str]) -> Trained:
    """Read the network of a run, finished or not.

    Raises
    ------
    UserError
        If the folder holds no run, or its checkpoint is missing or damaged.
    """
    folder = open_run(path)
    config = load_config(folder.path)
    arrays = folder.load()
    engine = config.engine()
    network_plan = plan(config.network(), engine, arrays["shifts"].tolist())
    weights = arrays["weights"]
    if weights.shape != (network_plan.parameter_count,):
        raise UserError(
            f"checkpoint {folder.checkpoint_path} has {weights.size} weights, but config.toml "
            f"beside it describes {network_plan.parameter_count}: restore the file that belongs"
        )
    raw = engine.weight.quantize(weights)
    return Trained(folder, config, network_plan, weights, raw, int(arrays["step"]))


def evaluate_run(
    path: str | os.PathLike[str],
    data_folder: str | None = None,
    device: str | Sequence[str] = "golden",
    split: str = "test",
    kernel: str | None = None,
) -> Evaluation:
    """Score a trained network again: on the test data it gives the result of its training run.

    Parameters
    ----------
    path
        Folder of the run.
    data_folder : :class:`str`, optional
        Where the data is now.
    device : :class:`str`, or a sequence of them
        As for ``--device``.
    split : :class:`str`
        ``train``, ``validation`` or ``test``.
    kernel : :class:`str`, optional
        As for ``--kernel``.
    """
    trained = load_trained(path)
    samples = load_samples(with_data_folder(trained.config, data_folder))
    opened = trained.open_device(device, kernel)
    try:
        loss = make_loss(trained.config.training.loss)
        return evaluate(opened, trained.plan.program, getattr(samples, split), loss)
    finally:
        opened.close()


def predict_run(
    path: str | os.PathLike[str],
    features: npt.NDArray[Any],
    device: str | Sequence[str] = "golden",
    kernel: str | None = None,
) -> Prediction:
    """Run a trained network on new samples.

    Parameters
    ----------
    path
        Folder of the run.
    features : numbers of shape (samples, inputs), scaled as the training data was
    device : :class:`str`, or a sequence of them
        As for ``--device``.
    kernel : :class:`str`, optional
        As for ``--kernel``.

    Raises
    ------
    UserError
        If the features are of another size.
    """
    trained = load_trained(path)
    inputs = trained.config.network().inputs
    if features.ndim != 2 or features.shape[1] != inputs or features.dtype.kind not in "fiub":
        raise UserError(
            f"x must be numbers of shape (samples, {inputs}), not {features.dtype} of shape "
            f"{features.shape}"
        )
    opened = trained.open_device(device, kernel)
    try:
        raw = opened.engine.activation.quantize(features)
        outputs_raw = compute_outputs(opened, trained.plan.program, raw)
    finally:
        opened.close()
    classifies = trained.config.training.loss == "cross-entropy"
    labels = predictions(outputs_raw) if classifies else None
    outputs = outputs_raw.astype(np.float64) * 2.0**-trained.plan.program.output_frac_bits
    if trained.config.problem is not None:
        from tenzo.sw.problems.samples import solve

        outputs = solve(trained.config, raw, outputs)
    return Prediction(outputs, labels)


def input_features(path: Path) -> npt.NDArray[Any]:
    """Return the array ``x`` of an ``.npz`` file, flattened to (samples, inputs)."""
    from tenzo.sw.data.npz_files import read_npz

    arrays = read_npz(path)
    if "x" not in arrays or arrays["x"].ndim < 2:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise UserError(f"{path} must hold an array x of shape (samples, inputs); it holds {held}")
    x = arrays["x"]
    return x.reshape(len(x), -1)
