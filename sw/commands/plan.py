"""``tenzo plan``."""

from __future__ import annotations

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
@json_option
@verbosity_options
def command(config: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show stages, cycles, memories and formats of CONFIG.

    CONFIG is a preset's name, a TOML file, or the folder of a run, whose calibrated shifts are
    then shown.
    """
    from tenzo.sw.config import load_config
    from tenzo.sw.planner import plan
    from tenzo.sw.runs import stored_shifts

    loaded = load_config(config, overrides)
    planned = plan(loaded.network(), loaded.engine(), stored_shifts(config))
    if as_json:
        print_json(planned.to_json())
    else:
        from tenzo.sw.plan_table import print_plan

        print_plan(planned, loaded.training.bits)
