"""Everything that decides a bitstream, before any tool runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import tomli_w

from tenzo.boards.board import Board
from tenzo.boards.catalogue import boards
from tenzo.boards.clocks import PllSettings, find_baud, find_pll
from tenzo.boards.constraints import constraints
from tenzo.boards.pins import Pin, board_pins
from tenzo.sw.configuration.config import Config
from tenzo.sw.configuration.overrides import apply_overrides
from tenzo.sw.engine import MAX_LANES, EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Network
from tenzo.sw.planning.fit import SIZES, fit_board, without_sizes, would_do
from tenzo.sw.planning.resources import Use, engine_use

SMALL_CHIP_LUTS = 10_000
"""Chips with fewer LUTs get an engine that draws no more random bits than the training asks for."""


@dataclass(frozen=True)
class Design:
    """What goes onto a board.

    Parameters
    ----------
    board : :class:`Board`
    config : :class:`Config`
        Configuration, its engine filled in: training with it finds its engine on the board.
    engine : :class:`EngineParameters`
    use : :class:`tenzo.sw.planning.resources.Use`
        What it was expected to take.
    clock_mhz : :class:`fractions.Fraction`
    pll : :class:`PllSettings`, optional
    baud, divisor : :class:`int`
        Baud rate, and clock cycles of one bit.
    pins : tuple of :class:`Pin`
    verilog, constraints : :class:`str`
        Texts of the files that the tools read.
    """

    board: Board
    config: Config
    engine: EngineParameters
    use: Use
    clock_mhz: Fraction
    pll: PllSettings | None
    baud: int
    divisor: int
    pins: tuple[Pin, ...]
    verilog: str
    constraints: str

    @property
    def gateware_hash(self) -> str:
        """SHA-256 of Verilog and constraints, 64 hexadecimal digits."""
        return hashlib.sha256((self.verilog + self.constraints).encode()).hexdigest()

    def config_text(self, folder: Path) -> str:
        """Return the configuration as a file in a folder, paths in it relative to the folder."""
        document = self.config.document()
        for table in document.values():
            if isinstance(table, dict):
                for key, value in table.items():
                    if isinstance(value, str) and os.path.isabs(value):
                        table[key] = os.path.relpath(value, folder.resolve())
        return tomli_w.dumps(document)


def make_design(
    config: Config,
    board: Board,
    *,
    told: Sequence[str] = (),
    lanes: int | None = None,
    clock_mhz: Fraction | None = None,
    baud: int | None = None,
) -> Design:
    """Choose an engine, a clock and a baud rate, and write the Verilog.

    Parameters
    ----------
    config : :class:`Config`
    board : :class:`Board`
    told : sequence of :class:`str`
        Keys of ``[engine]`` whose values are to be kept; the other sizes are chosen.
    lanes : :class:`int`, optional
        Lanes, instead of the most that fit.
    clock_mhz : :class:`fractions.Fraction`, optional
        Clock, instead of the board's default.
    baud : :class:`int`, optional
        Baud rate, instead of the fastest that divides the clock.

    Raises
    ------
    UserError
        If the network does not fit the board, or clock or baud rate cannot be made.
    """
    from tenzo.boards.top import board_verilog

    clock = clock_mhz or board.default_mhz
    pll = find_pll(board, clock)
    rate, divisor = find_baud(board, clock, baud)
    engine = choose_engine(config, board, told, lanes)
    pins = board_pins(board)
    return Design(
        board=board,
        config=with_engine(config, engine),
        engine=engine,
        use=engine_use(engine, board),
        clock_mhz=clock,
        pll=pll,
        baud=rate,
        divisor=divisor,
        pins=pins,
        verilog=board_verilog(board, engine, pll, divisor),
        constraints=constraints(board, pins),
    )


def choose_engine(
    config: Config, board: Board, told: Sequence[str] = (), lanes: int | None = None
) -> EngineParameters:
    """Return the largest engine that fits; :class:`UserError` if there is none."""
    keys = without_sizes(config.engine_keys(), told)
    if board.luts < SMALL_CHIP_LUTS and "max_bits" not in told:
        keys["max_bits"] = config.training.bits
    if lanes is not None:
        keys["lane_count"] = lanes
    network = config.network()
    fit = fit_board(network, keys, board)
    if fit.engine is not None:
        return fit.engine
    raise UserError(
        f"{config.name} is too large for {board.name}: {fit.obstacle}; "
        + _remedy(network, keys, board)
    )


def _remedy(network: Network, keys: dict[str, Any], board: Board) -> str:
    """Return what to do about an engine that does not fit."""
    free = {name: value for name, value in keys.items() if name != "lane_count"}
    fewer = fit_board(network, free, board, most_lanes=MAX_LANES).engine
    if fewer is not None:
        lanes = fewer.lane_count
        return f"choose {lanes} lanes or fewer" if lanes > 1 else "choose 1 lane"
    other = would_do(network, keys, boards())
    return f"{other} would do" if other else "no board here would do: choose a smaller network"


def with_engine(config: Config, engine: EngineParameters) -> Config:
    """Return the configuration with all sizes of its engine filled in."""
    table = ("table_frac_bits", "table_segment_bits") if engine.table_units else ()
    names = (*SIZES, *table, "max_bits")
    sizes = {f"engine.{name}": getattr(engine, name) for name in names}
    return Config.model_validate(apply_overrides(config.document(), sizes))
