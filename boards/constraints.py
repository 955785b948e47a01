"""Constraint files: which port lies on which pin, and how fast the oscillator is."""

from __future__ import annotations

from collections.abc import Sequence

from tenzo.boards.board import Board
from tenzo.boards.clocks import mhz_text
from tenzo.boards.pins import Pin

SUFFIXES = {"ecp5": ".lpf", "ice40": ".pcf", "gowin": ".cst", "xilinx": ".xdc"}
"""Ending of a constraint file, by family."""


def constraints(board: Board, pins: Sequence[Pin]) -> str:
    """Return the text of a board's constraint file, in the format of its family's tool."""
    write = {"ecp5": _lpf, "ice40": _pcf, "gowin": _cst, "xilinx": _xdc}
    return "".join(f"{line}\n" for line in write[board.family.name](board, pins))


def _lpf(board: Board, pins: Sequence[Pin]) -> list[str]:
    lines = ["BLOCK ASYNCPATHS;", "BLOCK RESETPATHS;"]
    for pin in pins:
        settings = " ".join(f"{name}={value}" for name, value in pin.settings.items())
        lines += [f'LOCATE COMP "{pin.port}" SITE "{pin.site}";']
        lines += [f'IOBUF PORT "{pin.port}" {settings};']
    return [*lines, f'FREQUENCY PORT "clk" {mhz_text(board.input_mhz)} MHZ;']


def _pcf(board: Board, pins: Sequence[Pin]) -> list[str]:
    lines = []
    for pin in pins:
        pulled = "-pullup yes " if pin.settings.get("PULLUP") == "1" else ""
        lines.append(f"set_io {pulled}{pin.port} {pin.site}")
    return [*lines, f"set_frequency clk {mhz_text(board.input_mhz)}"]


def _cst(board: Board, pins: Sequence[Pin]) -> list[str]:
    lines = []
    for pin in pins:
        settings = " ".join(f"{name}={value}" for name, value in pin.settings.items())
        lines += [f'IO_LOC "{pin.port}" {pin.site};', f'IO_PORT "{pin.port}" {settings};']
    return lines


def _xdc(board: Board, pins: Sequence[Pin]) -> list[str]:
    lines = []
    for pin in pins:
        settings = " ".join(f"{name} {value}" for name, value in pin.settings.items())
        lines.append(
            f"set_property -dict {{ PACKAGE_PIN {pin.site} {settings} }} [get_ports {pin.port}]"
        )
    period = float(1000 / board.input_mhz)
    return [
        *lines,
        f"create_clock -name clk -period {period:.3f} [get_ports clk]",
        "set_false_path -from [get_ports rx]",
        "set_false_path -to [get_ports tx]",
        "set_property CFGBVS VCCO [current_design]",
        "set_property CONFIG_VOLTAGE 3.3 [current_design]",
    ]
