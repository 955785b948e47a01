"""Steps and formats in which rounding leaves a problem's derivatives alone; records of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config, parse_config
from tenzo.sw.errors import UserError
from tenzo.sw.problems.noise import NoisyProblem

FloatArray = npt.NDArray[np.float64]

LARGEST_STEP = 0.5
"""Steps beyond it are not proposed: differences then see more than the neighbourhood."""

WIDEST = 24
"""Bits of the widest activation."""

_HOPELESS = 2.0
"""A choice is worked out where the law of its errors comes within this factor."""


def with_derivatives(config: Config, options: Mapping[str, Any]) -> Config:
    """Return a configuration with another ``[problem.derivatives]``."""
    document = config.document()
    return parse_config(
        {**document, "problem": {**document["problem"], "derivatives": {**options}}}
    )


def with_activation(config: Config, width: int, frac_bits: int) -> Config:
    """Return a configuration with another ``formats.activation``."""
    document = config.document()
    activation = {"width": width, "frac_bits": frac_bits}
    return parse_config({**document, "formats": {**document["formats"], "activation": activation}})


def advice(config: Config, laplacian: float, weights: FloatArray | None = None) -> str:
    """Return the smallest step and the narrowest format that a problem tolerates, as a sentence.

    Parameters
    ----------
    config : :class:`Config`
    laplacian : :class:`float`
        Noise of its Laplacian, more than is tolerated.
    weights : float64 array of shape (parameters,), optional
        As for :class:`NoisyProblem`.
    """
    choices = []
    for found in (_larger_steps(config), _wider_formats(config), _differences(config)):
        fitting = (
            text for text, other, factor in found if _fits(other, laplacian * factor, weights)
        )
        choices.append(next(fitting, ""))
    listed = " or ".join(choice for choice in choices if choice)
    if listed:
        return f"choose {listed}"
    return (
        f"no step up to {LARGEST_STEP:g} and no format up to {WIDEST} bits does: choose both "
        "larger, or scale the network's inputs down"
    )


def noise_records(
    config: Config,
    formats: Sequence[tuple[int, int]],
    derivatives: Sequence[Mapping[str, Any]],
    weights: Mapping[str, FloatArray | None],
    points: int = 256,
) -> list[dict[str, Any]]:
    """Return predicted and measured noise of the Laplacian for each format, stencil and network.

    Parameters
    ----------
    config : :class:`Config`
        With a table ``[problem]``.
    formats : sequence of (width, fractional bits)
        Of activations.
    derivatives : sequence of mappings
        Each a table ``[problem.derivatives]``, for example ``{"name": "central", "step": 0.25}``.
    weights : mapping
        Weights by a name, float64 of shape (parameters,); None for those of initialisation.
    points : :class:`int`
        Points of a measurement: its relative standard error is about ``1 / sqrt(2 points)``.

    Returns
    -------
    list of records with the keys ``format``, ``stencil``, ``weights``, ``predicted``, ``measured``,
    ``first_predicted``, ``first_measured`` and ``saturations``.
    """
    records = []
    for width, frac_bits in formats:
        for options in derivatives:
            other = with_derivatives(with_activation(config, width, frac_bits), options)
            for name, vector in weights.items():
                noisy = NoisyProblem(other, vector)
                predicted, measured = noisy.predicted(), noisy.measured(points)
                records.append(
                    {
                        "format": str(noisy.plan.engine.activation),
                        "stencil": stencil_name(options),
                        "weights": name,
                        "predicted": predicted.laplacian,
                        "measured": measured.laplacian,
                        "first_predicted": predicted.first,
                        "first_measured": measured.first,
                        "saturations": measured.saturations,
                    }
                )
    return records


def output_noise_records(
    config: Config,
    derivatives: Sequence[tuple[Mapping[str, Any], int]],
    points: int = 64,
) -> list[dict[str, Any]]:
    """Return the same where outputs alone are rounded, with the weights of initialisation.

    Parameters
    ----------
    config : :class:`Config`
    derivatives : sequence of (mapping, int)
        A table ``[problem.derivatives]``, and the fractional bits of outputs.
    points : :class:`int`
    """
    records = []
    for options, frac_bits in derivatives:
        noisy = NoisyProblem(with_derivatives(config, options))
        records.append(
            {
                "format": f"outputs alone, {frac_bits} fractional",
                "stencil": stencil_name(options),
                "weights": "initial",
                "predicted": noisy.predicted_of_outputs(frac_bits),
                "measured": noisy.measured_of_outputs(frac_bits, points),
            }
        )
    return records


def stencil_name(options: Mapping[str, Any]) -> str:
    """Return a table ``[problem.derivatives]`` in words, for example ``central, step 0.25``."""
    rest = [f"{key} {value}" for key, value in options.items() if key != "name"]
    return ", ".join([str(options["name"]), *rest])


def _larger_steps(config: Config) -> Iterator[tuple[str, Config, float]]:
    """Yield larger steps in words, the configuration, and the law's factor of the noise."""
    noisy = NoisyProblem(config)
    options = config.document()["problem"]["derivatives"]
    key = "step" if options["name"] == "central" else "sigma"
    step = before = float(getattr(noisy.derivatives, key))
    if key == "sigma":
        step = before = float(f"{step:.3g}")
    while step * 2 <= LARGEST_STEP:
        step *= 2
        text = f"problem.derivatives.{key} = {step!r}"
        yield text, with_derivatives(config, {**options, key: step}), (before / step) ** 2


def _wider_formats(config: Config) -> Iterator[tuple[str, Config, float]]:
    """Yield wider formats of activations, as :func:`_larger_steps`."""
    width, frac_bits = config.formats.activation.width, config.formats.activation.frac_bits
    for more in range(1, WIDEST - width + 1):
        text = f"formats.activation = {{ width = {width + more}, frac_bits = {frac_bits + more} }}"
        try:
            yield text, with_activation(config, width + more, frac_bits + more), 2.0**-more
        except UserError:
            return


def _differences(config: Config) -> Iterator[tuple[str, Config, float]]:
    """Yield central differences where another stencil is configured, as :func:`_larger_steps`."""
    if config.document()["problem"]["derivatives"]["name"] != "central":
        options = {"name": "central", "step": 0.25}
        text = 'problem.derivatives = { name = "central", step = 0.25 }'
        yield text, with_derivatives(config, options), 0.0


def _fits(config: Config, expected: float, weights: FloatArray | None) -> bool:
    """Return whether a problem tolerates the noise of a choice."""
    try:
        noisy = NoisyProblem(config, weights)
        if expected > _HOPELESS * noisy.problem.tolerated_noise:
            return False
        return noisy.predicted().laplacian <= noisy.problem.tolerated_noise
    except UserError:  # nodes beyond the format, for one
        return False
