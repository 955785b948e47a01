"""``tenzo plan``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tenzo.sw.commands._options import (
    config_argument,
    json_option,
    print_json,
    set_option,
    verbosity_options,
)

if TYPE_CHECKING:
    from tenzo.sw.configuration.config import Config
    from tenzo.sw.planning.board_table import BoardPlan

_LOG = logging.getLogger(__name__)


@click.command()
@config_argument
@set_option
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw the stages into an SVG file as well.",
)
@json_option
@verbosity_options
def command(config: str, overrides: tuple[str, ...], picture: Path | None, as_json: bool) -> None:
    """Show stages, cycles, memories and formats of CONFIG, and how it fits each board.

    CONFIG is a preset's name, a TOML file, or the folder of a run, whose calibrated shifts are
    then shown. For a problem it predicts the noise that rounding makes in derivatives.
    """
    from tenzo.sw.configuration.config import load_config
    from tenzo.sw.planning.planner import plan
    from tenzo.sw.training.runs import stored_shifts

    loaded = load_config(config, overrides)
    planned = plan(loaded.network(), loaded.engine(), stored_shifts(config))
    if picture is not None:
        from tenzo.sw.planning.picture import draw_plan
        from tenzo.sw.training.checkpoint import write_atomically

        svg = draw_plan(planned).encode()
        write_atomically(picture, lambda file: file.write(svg))
    rounding = {} if loaded.problem is None else _rounding(loaded, Path(config))
    boards = _boards(loaded)
    if as_json:
        fits = [board.to_json() for board in boards]
        print_json({**planned.to_json(), **rounding, "boards": fits})
    else:
        from tenzo.sw.planning.board_table import print_boards
        from tenzo.sw.planning.plan_table import print_plan

        print_plan(planned, loaded.training.bits)
        print_boards(boards)
        if rounding:
            click.echo(_sentence(rounding["rounding_noise"]))
    if rounding and rounding["rounding_noise"]["advice"]:
        _warn(rounding["rounding_noise"])


def _boards(config: Config) -> list[BoardPlan]:
    """Return how the network fits each board, and the time of a training step there."""
    from tenzo.boards.catalogue import boards
    from tenzo.sw.planning.board_table import Step, board_plans
    from tenzo.sw.planning.fit import without_sizes
    from tenzo.sw.training.minibatches import samples_per_step

    training, network = config.training, config.network()
    queries = training.queries + 1 if training.one_sided else 2 * training.queries
    step = Step(samples_per_step(config), queries)
    return board_plans(network, without_sizes(config.engine_keys()), step, boards())


def _rounding(config: Config, run: Path) -> dict[str, Any]:
    """Return what rounding does to the derivatives of a problem, for JSON."""
    from tenzo.sw.problems.noise import MOST_NODES, NoisyProblem
    from tenzo.sw.problems.noise_advice import advice
    from tenzo.sw.training.runs import RunFolder

    trained = (run / "checkpoint.npz").is_file()
    arrays = RunFolder(run).load() if trained else {}
    weights = arrays.get("weights")
    shifts = arrays["shifts"].tolist() if trained else None
    noisy = NoisyProblem(config, weights, shifts)
    if noisy.derivatives.node_count > MOST_NODES:
        return {}
    noise, tolerated = noisy.predicted(), noisy.problem.tolerated_noise
    too_much = noise.laplacian > tolerated
    return {
        "rounding_noise": {
            "weights": "trained" if trained else "initial",
            "nodes": noisy.derivatives.node_count,
            "laplacian": noise.laplacian,
            "first_derivative": noise.first,
            "tolerated": tolerated,
            "advice": advice(config, noise.laplacian, weights) if too_much else None,
        }
    }


def _sentence(noise: dict[str, Any]) -> str:
    """Return the noise in words."""
    return (
        f"Rounding makes noise of {noise['laplacian']:.2g} in the Laplacian and "
        f"{noise['first_derivative']:.2g} in first derivatives, with {noise['weights']} weights\n"
        f"and {noise['nodes']} nodes a point; the problem tolerates {noise['tolerated']:.2g} in "
        "the Laplacian."
    )


def _warn(noise: dict[str, Any]) -> None:
    """Say that rounding spoils the Laplacian, and what to choose."""
    _LOG.warning(
        "rounding makes noise of %.2g in the Laplacian, more than the %.2g that the problem "
        "tolerates: %s",
        *(noise["laplacian"], noise["tolerated"], noise["advice"]),
    )
