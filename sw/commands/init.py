"""``tenzo init``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name", default="network")
def command(name: str) -> None:
    """Write a commented configuration NAME.toml to start from."""
    from importlib import resources

    from tenzo.sw.errors import UserError

    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    text = (resources.files("tenzo.sw") / "templates" / "config.toml").read_text("utf-8")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{path} exists already: choose another name or remove it") from None
    click.echo(f"{path}: try 'tenzo plan {path}', then 'tenzo train {path}'")
