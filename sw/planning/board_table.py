"""How a network fits every board, as a table to read and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from tenzo.sw.networks.network import Network
from tenzo.sw.planning.fit import Fit, fit_board
from tenzo.sw.planning.link_time import StepTime, step_time
from tenzo.sw.planning.planner import plan

if TYPE_CHECKING:
    from tenzo.boards.board import Board


@dataclass(frozen=True)
class Step:
    """What a training step asks of a device: samples, and queries on all of them."""

    samples: int
    queries: int


@dataclass(frozen=True)
class BoardPlan:
    """A network on one board at its default clock: what fits, and the time of a training step.

    ``time`` is None where the network does not fit.
    """

    board: Board
    fit: Fit
    baud: int
    time: StepTime | None

    def to_json(self) -> dict[str, Any]:
        """Return it as what :func:`json.dumps` takes."""
        fit, board = self.fit, self.board
        use = fit.use
        document: dict[str, Any] = {
            "board": board.name,
            "fits": fit.engine is not None,
            "obstacle": fit.obstacle,
            "lanes": fit.engine.lane_count if fit.engine else 0,
            "clock_mhz": float(board.default_mhz),
            "baud": self.baud,
            "luts": [use.luts, board.luts],
            "block_rams": [use.block_rams, board.block_rams],
            "multipliers": [use.multipliers, board.multipliers],
        }
        if self.time is not None:
            document["step_link_seconds"] = self.time.link_seconds
            document["step_engine_seconds"] = self.time.engine_seconds
        return document


def board_plans(
    network: Network, keys: Mapping[str, Any], step: Step, boards: Sequence[Board]
) -> list[BoardPlan]:
    """Return how a network fits each board.

    Parameters
    ----------
    network : :class:`Network`
    keys : mapping
        Parameters of :class:`EngineParameters` that no board decides.
    step : :class:`Step`
    boards : sequence of :class:`Board`
    """
    from tenzo.boards.clocks import find_baud

    plans = []
    for board in boards:
        fit = fit_board(network, keys, board)
        baud, _ = find_baud(board, board.default_mhz)
        time = None
        if fit.engine is not None:
            planned = plan(network, fit.engine)
            clock = float(board.default_mhz)
            time = step_time(planned, step.samples, step.queries, clock, baud)
        plans.append(BoardPlan(board, fit, baud, time))
    return plans


def print_boards(plans: Sequence[BoardPlan]) -> None:
    """Print a table on standard output, and why a network does not fit where it does not."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("board", no_wrap=True)
    columns = (
        "lanes",
        "block RAM",
        "multipliers",
        "LUTs",
        "MHz",
        "baud",
        "link",
        "engine",
        "share",
    )
    for name in columns:
        table.add_column(name, justify="right")
    for item in plans:
        table.add_row(item.board.name, *_cells(item))
    console = Console()
    width = console.width if console.is_terminal else max(console.width, 100)
    console = Console(width=width)
    console.print(table)
    for item in plans:
        if item.fit.obstacle:
            console.print(f"{item.board.name}: {item.fit.obstacle}.", highlight=False)
    console.print(
        "Link and engine: time of one training step at the board's clock and baud rate, and the "
        "link's share of both.",
        highlight=False,
    )


def _cells(item: BoardPlan) -> list[str]:
    """Return the cells of one board, behind its name."""
    board, use, time = item.board, item.fit.use, item.time
    if item.fit.engine is None or time is None:
        return ["none"]
    return [
        str(item.fit.engine.lane_count),
        f"{use.block_rams}/{board.block_rams}",
        f"{use.multipliers}/{board.multipliers}",
        f"{100 * use.luts / board.luts:.0f} %",
        f"{float(board.default_mhz):g}",
        f"{item.baud / 1000:,.0f}",
        _duration(time.link_seconds),
        _duration(time.engine_seconds),
        f"{100 * time.share:.0f} %",
    ]


def _duration(seconds: float) -> str:
    """Return a time with its unit."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"
