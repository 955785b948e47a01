"""``tenzo plan``."""

from __future__ import annotations

from pathlib import Path

import click

from tenzo.sw.commands._options import (
    config_argument,
    json_option,
    print_json,
    set_option,
    verbosity_options,
)


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
    """Show stages, cycles, memories and formats of CONFIG.

    CONFIG is a preset's name, a TOML file, or the folder of a run, whose calibrated shifts are
    then shown.
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
    if as_json:
        print_json(planned.to_json())
    else:
        from tenzo.sw.planning.plan_table import print_plan

        print_plan(planned, loaded.training.bits)
