"""All boards by name."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module

from tenzo.boards.board import Board
from tenzo.sw.errors import UserError

_MODULES = (
    "ulx3s_85f",
    "ulx3s_12f",
    "colorlight_5a75b",
    "icepi_zero",
    "icebreaker",
    "ice40_hx8k_evn",
    "tang_nano_9k",
    "arty_a7_35",
)


@cache
def boards() -> tuple[Board, ...]:
    """Return all boards, largest chips of a family first."""
    return tuple(import_module(f"tenzo.boards.{name}").BOARD for name in _MODULES)


def find_board(name: str) -> Board:
    """Return a board by its name.

    Raises
    ------
    UserError
        If there is none; the sentence lists those that there are.
    """
    known = {board.name: board for board in boards()}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? The boards are" if near else "use one of"
    raise UserError(f"{name!r} is no board: {hint} {', '.join(known)}")
