"""The command ``tenzo``: finds a command's module when it is called, and turns slips into words."""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from tenzo.sw import commands
from tenzo.sw.errors import DeviceError, UserError
from tenzo.sw.training.interruption import Interrupted

SLIP = 2
"""Exit status after a user's slip."""


class Commands(click.Group):
    """Commands by their modules: ``tenzo NAME`` is ``tenzo.sw.commands.NAME.command``.

    Hyphens in a command's name are underscores in its module's.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        names = (module.name for module in pkgutil.iter_modules(commands.__path__))
        return sorted(name.replace("_", "-") for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; name the nearest if there is none."""
        name = args[0] if args else ""
        known = self.list_commands(ctx)
        if args and not name.startswith("-") and name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
            raise UserError(f"{name!r} is no command: {hint}")
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **settings: Any) -> NoReturn:
        """Run a command and exit: 0 fine, 1 what was checked failed, 2 a user's slip."""
        settings["standalone_mode"] = False
        try:
            status = super().main(args, *rest, **settings)
        except click.ClickException as error:
            status = _say(error.format_message())
        except UserError as error:
            status = _say(str(error))
        except DeviceError as error:
            _say(str(error))
            status = error.exit_status
        except Interrupted as stop:
            _say(str(stop))
            status = stop.exit_status
        except (click.Abort, KeyboardInterrupt):
            _say("stopped by SIGINT")
            status = 130
        except BrokenPipeError:  # the reader of our output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except OSError as error:
            status = _say(_describe(error))
        sys.exit(status if isinstance(status, int) else 0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tenzo", message="tenzo %(version)s")
def main() -> None:
    """FPGA engines that train tensor-train networks without back-propagation."""


def _say(sentence: str) -> int:
    """Print one sentence to the user; return the exit status of a slip."""
    print(f"tenzo: {' '.join(sentence.split())}", file=sys.stderr)
    return SLIP


def _describe(error: OSError) -> str:
    """Return what went wrong with which file."""
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:
        return f"a file cannot be read or written: {reason}"
    return f"{os.fspath(error.filename)} cannot be read or written: {reason}"
