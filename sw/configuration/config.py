"""One TOML file that describes a network, its formats, its engine, its training and its data."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError, model_validator

from tenzo.sw.configuration.errors import configuration_error, suggest
from tenzo.sw.configuration.overrides import Overrides, apply_overrides
from tenzo.sw.configuration.problem_table import ProblemTable, with_residual_loss
from tenzo.sw.configuration.tables import (
    DataTable,
    EngineTable,
    FormatsTable,
    LayerTable,
    NetworkTable,
    Table,
)
from tenzo.sw.configuration.training_table import TrainingTable, without_foreign_options
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.networks.network import Dense, Layer, Network, TensorTrain
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.planning.sizing import fit_engine
from tenzo.sw.program import Activation

_PRESETS = resources.files("tenzo.sw") / "presets"


class Config(Table):
    """A checked configuration.

    ``config.network_table`` and ``config.engine_table`` are the tables ``[network]`` and
    ``[engine]`` of the file; :meth:`network` and :meth:`engine` build what they describe.

    Parameters
    ----------
    name : :class:`str`
        Names the run's folder.
    """

    name: str = Field(default="run", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    network_table: NetworkTable = Field(alias="network")
    formats: FormatsTable = FormatsTable()
    engine_table: EngineTable = Field(default=EngineTable(), alias="engine")
    training: TrainingTable
    data: DataTable | None = None
    problem: ProblemTable | None = None

    _fill_in_loss = model_validator(mode="before")(with_residual_loss)

    def network(self) -> Network:
        """Return the network; :class:`UserError` if layers do not fit together."""
        return Network(
            tuple(_layer(index, table) for index, table in enumerate(self.network_table.layers))
        )

    def activation_format(self) -> Format:
        """Return the format of samples."""
        return Format(**self.formats.activation.model_dump())

    def weight_format(self) -> Format:
        """Return the format of weights."""
        return Format(**self.formats.weight.model_dump())

    def engine(self) -> EngineParameters:
        """Return the engine, its absent sizes large enough for the network.

        Raises
        ------
        UserError
            If a given size is too small for the network.
        """
        return fit_engine(self.network(), self.engine_keys())

    def plan(self) -> Plan:
        """Return the plan of the network on the engine, with shifts that are not calibrated."""
        return plan(self.network(), self.engine())

    def engine_keys(self) -> dict[str, Any]:
        """Return the parameters of the engine that the file gives."""
        keys = self.engine_table.model_dump(exclude={"lfsr"}, exclude_none=True)
        lfsr = LfsrParameters(**self.engine_table.lfsr.model_dump())
        formats = {"activation": self.activation_format(), "weight": self.weight_format()}
        return {**formats, **keys, "lfsr": lfsr}

    def document(self) -> dict[str, Any]:
        """Return the configuration as a TOML document, defaults filled in, absent keys absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def toml(self) -> str:
        """Return the text of a file that loads to the same configuration."""
        return tomli_w.dumps(self.document())

    def digest(self) -> str:
        """Return a hash of all that decides the bits of a run, 64 hexadecimal digits.

        It covers network, formats, perturbation register, the format of the table if the network
        has sine or tanh, a problem's name and derivatives, and training, with the steps at which a
        run is logged and evaluated, since its metrics depend on them; not the data's place, the
        engine's sizes, the device, or how often a run is saved.
        """
        document = self.document()
        training = {
            key: value
            for key, value in document["training"].items()
            if key not in ("checkpoint_steps", "checkpoint_seconds")
        }
        parts = [document["network"], document["formats"], document["engine"]["lfsr"], training]
        if any(layer.activation.uses_table for layer in self.network().layers):
            engine = self.engine()
            parts.append([engine.table_frac_bits, engine.table_segment_bits])
        if self.problem is not None:
            parts.append([self.problem.name, document["problem"]["derivatives"]])
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def preset_names() -> list[str]:
    """Return the names of the configurations that ship with the package."""
    names = (entry.name for entry in _PRESETS.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_config(source: str | os.PathLike[str], overrides: Overrides = ()) -> Config:
    """Load a configuration.

    Parameters
    ----------
    source : :class:`str` or path
        A preset's name, a TOML file, or the folder of a run.
    overrides : sequence of :class:`str`, or mapping
        ``key=value`` each, or a mapping of dotted keys such as ``{"training.steps": 100}``; see
        :func:`tenzo.sw.configuration.overrides.apply_overrides`.

    Raises
    ------
    UserError
        If there is no such preset or file, or something in it is wrong: one sentence with the
        key, the value and the remedy.
    """
    text, name, folder = _read(source)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source} is no valid TOML, mend it: {error}") from error
    document.setdefault("name", name)
    written = _with_absolute_paths(document, folder)
    document = without_foreign_options(written, apply_overrides(written, overrides))
    return parse_config(_with_absolute_paths(document, Path.cwd()))


def parse_config(document: dict[str, Any]) -> Config:
    """Check a parsed TOML document; :class:`UserError` as in :func:`load_config`."""
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise configuration_error(error, document, Config) from error
    config.network()
    return config


def _read(source: str | os.PathLike[str]) -> tuple[str, str, Path]:
    """Return text, name and folder of a configuration."""
    path = Path(source)
    if path.is_dir():
        path = path / "config.toml"
    elif str(source) in preset_names():
        return (_PRESETS / f"{source}.toml").read_text("utf-8"), str(source), Path.cwd()
    elif not path.exists() and path.suffix != ".toml" and path.name == str(source):
        hint = suggest(str(source), preset_names())
        listed = "" if hint.startswith("use") else f" (presets: {', '.join(preset_names())})"
        raise UserError(f"{str(source)!r} is no preset and no file: {hint}{listed}")
    if not path.is_file():
        raise UserError(f"{path} does not exist: name a preset, a TOML file or a run's folder")
    try:
        return path.read_text("utf-8"), _name_from(path), path.resolve().parent
    except UnicodeDecodeError as error:
        raise UserError(f"{path} must be a text file in UTF-8, mend it: {error}") from error


def _name_from(path: Path) -> str:
    """Return the name of a file without its ending, with what a name must not hold replaced."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in path.stem)
    return name.lstrip("_.-") or "run"


def _with_absolute_paths(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the document with paths made absolute: they are relative to a folder."""
    changed = {}
    for name, keys in (("data", ("mnist", "npz")), ("problem", ("file",))):
        table = document.get(name)
        if isinstance(table, dict):
            paths = {
                key: str(folder / Path(table[key]).expanduser())
                for key in keys
                if isinstance(table.get(key), str)
            }
            changed[name] = {**table, **paths}
    return {**document, **changed}


def _layer(index: int, table: LayerTable) -> Layer:
    """Build one layer."""
    try:
        form: TensorTrain | Dense = Dense()
        if not table.dense:
            form = TensorTrain(
                tuple(table.input_modes or ()), tuple(table.output_modes or ()), table.all_ranks
            )
        activation = Activation[table.activation.upper()]
        return Layer(table.inputs, table.outputs, form, table.bias, activation)
    except UserError as error:
        raise UserError(f"network.layers[{index}]: {error}") from error
