"""``tenzo boards``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tenzo.sw.commands._options import json_option, print_json

if TYPE_CHECKING:
    from tenzo.boards.board import Board


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the boards: chip, clock, memories, multipliers, lanes and link."""
    from tenzo.boards.catalogue import boards

    if as_json:
        print_json([_record(board) for board in boards()])
    else:
        _print(boards())


def _record(board: Board) -> dict[str, Any]:
    """Return the facts of a board for JSON; clocks are decimal numbers of megahertz."""
    return {
        "name": board.name,
        "title": board.title,
        "family": board.family.name,
        "device": board.device,
        "package": board.package,
        "input_mhz": float(board.input_mhz),
        "default_mhz": float(board.default_mhz),
        "pll": board.pll,
        "luts": board.luts,
        "block_rams": board.block_rams,
        "block_ram_bits": board.block_ram_bits,
        "single_port_rams": board.single_port_rams,
        "multipliers": board.multipliers,
        "lanes": board.lanes,
        "bauds": list(board.bauds),
        "default_baud": board.default_baud,
        "link": board.link,
        "adapter": board.adapter,
        "loader_board": board.loader_board,
        "loader_cable": board.loader_cable,
        "bitstream": board.open_tools,
    }


def _print(boards: tuple[Board, ...]) -> None:
    """Print a table, and one line per board about its link."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, justify in (
        ("board", "left"),
        ("chip", "left"),
        ("LUTs", "right"),
        ("block RAM", "right"),
        ("multipliers", "right"),
        ("lanes", "right"),
        ("MHz", "right"),
        ("link", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=name != "link")  # type: ignore[arg-type]
    for board in boards:
        table.add_row(
            board.name,
            board.device,
            f"{board.luts:,}",
            f"{board.block_rams} x {board.block_ram_bits // 1024} kbit",
            str(board.multipliers),
            str(board.lanes),
            f"{float(board.default_mhz):g}",
            board.link if board.open_tools else f"{board.link}; archive for the vendor's tools",
        )
    console = Console()
    width = console.width if console.is_terminal else max(console.width, 140)
    Console(width=width).print(table)
