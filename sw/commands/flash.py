"""``tenzo flash``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tenzo.sw.errors import UserError

if TYPE_CHECKING:
    from tenzo.boards.board import Board

LOADER = "openFPGALoader"
"""Program that writes bitstreams to boards."""


class _Image(NamedTuple):
    """A bitstream and the board that it is for."""

    path: Path
    board: Board


@click.command()
@click.argument("source", metavar="DIR|BITSTREAM", type=click.Path(path_type=Path))
@click.option("--board", metavar="NAME", help="Board; needed for a file, known for a folder.")
@click.option(
    "--permanent", is_flag=True, help="Write the board's flash memory: the engine stays there."
)
def command(source: Path, board: str | None, permanent: bool) -> int:
    """Write a bitstream to the board that is plugged in.

    DIR is the folder of 'tenzo build'. openFPGALoader does it; where it is not installed its
    command is printed, and the exit status is 1.
    """
    import shlex
    import shutil
    import subprocess

    image = _built(source, board) if source.is_dir() else _file(source, board)
    arguments = [LOADER, *_options(image.board, permanent), str(image.path)]
    if shutil.which(LOADER) is None:
        from tenzo.sw.tools import PACKAGES

        click.echo(f"tenzo: {LOADER} is not installed, {PACKAGES[LOADER]}, then run", err=True)
        click.echo(shlex.join(arguments))
        return 1
    status = subprocess.run(arguments, check=False).returncode
    if status:
        raise UserError(
            f"{LOADER} ended with status {status}: check that the {image.board.title} is plugged "
            f"in and may be used; the command was {shlex.join(arguments)}"
        )
    return 0


def _options(board: Board, permanent: bool) -> list[str]:
    """Return the loader's options for a board."""
    cable = ["--cable", board.loader_cable] if board.loader_cable else []
    return ["--board", board.loader_board, *cable, *(["--write-flash"] if permanent else [])]


def _built(folder: Path, name: str | None) -> _Image:
    """Return what ``tenzo build`` left in a folder, after a look at its report."""
    import hashlib
    import json

    from tenzo.boards.catalogue import find_board
    from tenzo.boards.result import REPORT_FILE

    try:
        report = json.loads((folder / REPORT_FILE).read_text("utf-8"))
        board, file, digest = report["board"], report["bitstream"], report.get("bitstream_hash")
        if not isinstance(board, str) or not isinstance(file, str | None):
            raise TypeError
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{folder} holds no build: name the folder of 'tenzo build', or a bitstream and --board"
        ) from None
    if name not in (None, board):
        raise UserError(f"the bitstream in {folder} is for {board}, not {name}: leave --board out")
    if not file:
        raise UserError(f"{folder} holds an archive for the vendor's tools and no bitstream")
    path = folder / file
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise UserError(f"{path} is not the bitstream that was built: build it again")
    return _Image(path, find_board(board))


def _file(path: Path, name: str | None) -> _Image:
    """Return a bitstream in a file of its own."""
    from tenzo.boards.catalogue import find_board
    from tenzo.boards.steps import BITSTREAMS

    if not path.is_file():
        raise UserError(f"there is no bitstream {path}: 'tenzo build' makes one")
    if name is None:
        raise UserError(f"name the board that {path} is for with --board, see 'tenzo boards'")
    board = find_board(name)
    suffix = Path(BITSTREAMS.get(board.family.name, "")).suffix
    if suffix and path.suffix != suffix:
        raise UserError(f"bitstreams for {name} end in {suffix}, so {path.name} is for another one")
    return _Image(path, board)
