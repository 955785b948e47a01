"""Tables of the configuration file: their keys, defaults and ranges, checked by pydantic.

The names of classes and fields are the file's: ``[engine]`` is :class:`EngineTable`,
``engine.lane_count`` its field ``lane_count``. ``[training]`` has a module of its own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tenzo.sw.errors import UserError

Positive = Annotated[int, Field(ge=1)]
"""One or more."""


class Table(BaseModel):
    """A table that refuses unknown keys and values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _rank_list(value: Any) -> Any:
    """Return one rank as a list of one; the layer spreads it over its inner ranks."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, list) and all(type(rank) is int for rank in value):
        return value
    raise UserError(f"must be a rank such as 4, or a list such as [1, 4, 4, 1], not {value!r}")


class LayerTable(Table):
    """One layer: a tensor train, or a dense matrix if ``dense = true``.

    ``ranks`` is one rank for all inner bonds, or the whole list, which begins and ends with 1.
    """

    inputs: Positive
    outputs: Positive
    dense: bool = False
    input_modes: list[Positive] | None = None
    output_modes: list[Positive] | None = None
    ranks: Annotated[list[Positive], BeforeValidator(_rank_list)] | None = None
    bias: bool = False
    activation: Literal["none", "relu", "sine", "tanh"] = "none"

    @model_validator(mode="after")
    def _check_form(self) -> LayerTable:
        given = [key for key in ("input_modes", "output_modes", "ranks") if getattr(self, key)]
        if self.dense and given:
            raise UserError(f"must not hold {given[0]} together with dense = true: remove one")
        if not self.dense and len(given) < 3:
            missing = {"input_modes", "output_modes", "ranks"} - set(given)
            raise UserError(f"must hold {min(missing)}, or dense = true for a dense matrix")
        return self

    @property
    def all_ranks(self) -> tuple[int, ...]:
        """All ranks of a tensor train, the ones at both ends included."""
        ranks, modes = self.ranks or [], self.input_modes or []
        if len(ranks) == 1 and len(modes) > 0:
            return (1, *ranks * (len(modes) - 1), 1)
        return tuple(ranks)


class NetworkTable(Table):
    """Layers in order, each ``[[network.layers]]``."""

    layers: list[LayerTable] = Field(min_length=1)


class FormatTable(Table):
    """A fixed-point format, for example ``{ width = 16, frac_bits = 13 }``."""

    width: Annotated[int, Field(ge=4, le=24)]
    frac_bits: Annotated[int, Field(ge=0, le=62)]


class FormatsTable(Table):
    """Number formats of samples and weights."""

    activation: FormatTable = FormatTable(width=16, frac_bits=13)
    weight: FormatTable = FormatTable(width=16, frac_bits=14)


class LfsrTable(Table):
    """Linear-feedback shift register of the perturbation."""

    width: Annotated[int, Field(ge=2, le=32)] = 32
    taps: Annotated[int, Field(ge=1, le=0xFFFFFFFF)] = 0x80200003


class EngineTable(Table):
    """Sizes of the engine. What is not given is made large enough for the network."""

    lane_count: Annotated[int, Field(ge=1, le=256)] = 8
    requantizer_sharing: Annotated[int, Field(ge=1, le=16)] = 2
    lane_depth: Annotated[int, Field(ge=16, le=65535)] | None = None
    weight_depth: Annotated[int, Field(ge=16, le=65535)] | None = None
    bias_depth: Annotated[int, Field(ge=16, le=65535)] | None = None
    stage_slots: Annotated[int, Field(ge=1, le=255)] | None = None
    result_depth: Annotated[int, Field(ge=1, le=4096)] | None = None
    max_bits: Annotated[int, Field(ge=1, le=8)] = 8
    table_units: Annotated[int, Field(ge=0, le=256)] | None = None
    table_frac_bits: Annotated[int, Field(ge=0, le=24)] | None = None
    table_segment_bits: Annotated[int, Field(ge=1, le=12)] | None = None
    lfsr: LfsrTable = LfsrTable()


class DataTable(Table):
    """Where samples come from: one of ``preset``, ``mnist``, ``npz`` and ``entry_point``."""

    preset: Literal["digits", "digits28"] | None = None
    mnist: bool | str | None = None
    npz: str | None = None
    entry_point: str | None = None

    @model_validator(mode="after")
    def _check_source(self) -> DataTable:
        given = [key for key in type(self).model_fields if getattr(self, key)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise UserError(
                f"must hold exactly one of preset, mnist, npz and entry_point, not {found}"
            )
        return self
