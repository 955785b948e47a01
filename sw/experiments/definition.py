"""What an experiment is: variants of a training run, each with several seeds, and one metric."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from tenzo.sw.configuration.config import Config, load_config
from tenzo.sw.configuration.errors import configuration_error, suggest
from tenzo.sw.configuration.tables import Table
from tenzo.sw.errors import UserError

_DEFINITIONS = resources.files("tenzo.sw") / "experiments" / "definitions"

Seeds = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]


class Variant(Table):
    """One contender: a preset with other values, and how its value is found.

    ``method`` is ``train`` (by forward passes alone), ``first-order`` (back-propagation in
    PyTorch) or a measurement of :data:`tenzo.sw.experiments.jobs.MEASUREMENTS`, which takes
    ``options``. ``device`` is as for ``--device``; ``seeds`` take the place of the experiment's.
    """

    label: str
    preset: str
    overrides: list[str] = Field(default_factory=list)
    device: str = "golden"
    method: str = "train"
    options: dict[str, Any] = Field(default_factory=dict)
    seeds: Seeds | None = None
    quick: list[str] = Field(default_factory=list)
    group: str = ""

    @property
    def folder(self) -> str:
        """Name of the folder of its runs."""
        return re.sub(r"[^a-z0-9]+", "-", self.label.lower()).strip("-")


class Quick(Table):
    """What the quick form changes: its seeds, and overrides that every variant gets."""

    seeds: Seeds = Field(default=[1, 2])
    overrides: list[str] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)


class Reference(Table):
    """A value to compare with, and where it is from."""

    value: float
    source: str


class Experiment(Table):
    """A definition; the first variant is the one whose value is the experiment's.

    ``x`` is what pictures show the metric over: forward passes, or the number of parameters, or
    what theory predicts, where a variant has one value. ``goal`` is the bar that the first variant
    shall reach; ``milestones`` are values whose forward passes are of interest.
    """

    name: str
    title: str
    question: str
    notes: str = ""
    metric: str
    better: Literal["higher", "lower"]
    seeds: Seeds = Field(default=[1, 2, 3])
    goal: float | None = None
    milestones: list[float] = Field(default_factory=list)
    reference: Reference | None = None
    x: Literal["forward_passes", "parameters", "theory"] = "forward_passes"
    quick: Quick = Quick()
    variants: list[Variant] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_labels(self) -> Experiment:
        folders = [variant.folder for variant in self.variants]
        for folder in folders:
            if folders.count(folder) > 1 or not folder:
                raise UserError(f"variants must have labels of their own, not {folder!r} twice")
        return self

    def config(self, variant: Variant, seed: int, quick: bool = False) -> Config:
        """Return the configuration of one run.

        Raises
        ------
        UserError
            If an override does not fit the preset.
        """
        changed = [*self.quick.overrides, *variant.quick] if quick else []
        overrides = [*variant.overrides, *changed, f"training.seed={seed}"]
        return load_config(variant.preset, overrides)

    def form_seeds(self, variant: Variant, quick: bool) -> list[int]:
        """Return the seeds of a variant in the full or the quick form."""
        return self.quick.seeds if quick else variant.seeds or self.seeds


def experiment_names() -> list[str]:
    """Return the names of all experiments."""
    names = (entry.name for entry in _DEFINITIONS.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_experiment(name: str) -> Experiment:
    """Return the definition of an experiment; :class:`UserError` if there is none."""
    if name not in experiment_names():
        hint = suggest(name, experiment_names())
        raise UserError(f"{name!r} is no experiment: {hint}, see tenzo experiment --list")
    return parse_experiment(name, (_DEFINITIONS / f"{name}.toml").read_text("utf-8"))


def parse_experiment(name: str, text: str) -> Experiment:
    """Return the experiment that a definition in TOML describes, checked.

    Raises
    ------
    UserError
        If something in it is wrong: one sentence with the key, the value and the remedy.
    """
    document = {**tomllib.loads(text), "name": name}
    try:
        return Experiment.model_validate(document)
    except ValidationError as error:
        raise configuration_error(error, document, Experiment) from error
