"""The folder of a build: bitstream, sources, commands, reports."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import tenzo
from tenzo.boards.archive import vendor_archive
from tenzo.boards.build import Built
from tenzo.boards.constraints import SUFFIXES
from tenzo.boards.design import Design
from tenzo.boards.steps import BITSTREAMS, NAME, NETLIST, REPORT, ROUTED
from tenzo.sw.engine import PROTOCOL_VERSION
from tenzo.sw.errors import UserError

REPORT_FILE, PAGE_FILE, PINS_FILE, COMMANDS_FILE, CONFIG_FILE = (
    "report.json",
    "report.html",
    "pins.json",
    "commands.sh",
    "config.toml",
)
VERILOG_FILE, ARCHIVE_FILE = f"{NAME}.v", f"{NAME}.zip"
_CONSTRAINTS = {family: f"{NAME}{suffix}" for family, suffix in SUFFIXES.items()}
_RESULTS = {REPORT_FILE, PAGE_FILE, PINS_FILE, COMMANDS_FILE, CONFIG_FILE, VERILOG_FILE}
_STEPS = {NETLIST, REPORT, *ROUTED.values()}  # made where somebody runs the commands again
_NAMES = {*_RESULTS, *_STEPS, *_CONSTRAINTS.values(), *BITSTREAMS.values(), ARCHIVE_FILE}
"""Names of all files that builds leave in a folder: it is replaced if it holds no others."""

_LONGEST_PATH = 12


def write_result(built: Built, out: Path) -> Path:
    """Write the folder of a build in one step: it is whole, or as it was before.

    Returns
    -------
    The bitstream's file.

    Raises
    ------
    UserError
        If ``out`` is there and is no earlier build, or cannot be written.
    OSError
        If it cannot be written.
    """
    design = built.design
    bitstream = BITSTREAMS[design.board.family.name]
    commands = "".join(f"{step.command}\n" for step in built.steps)
    report = report_document(built)
    _write(
        out,
        {
            **_sources(design, out),
            bitstream: built.bitstream,
            COMMANDS_FILE: f"#!/bin/sh\nset -e\n{commands}".encode(),
            REPORT_FILE: _json(report),
            PAGE_FILE: _page(report, commands).encode(),
        },
    )
    return out / bitstream


def write_archive(design: Design, out: Path) -> Path:
    """Write the folder of a design for a vendor's tools; return the archive's file."""
    report = {**_design_document(design), "bitstream": "", "archive": ARCHIVE_FILE}
    data = vendor_archive(design)
    _write(out, {**_sources(design, out), ARCHIVE_FILE: data, REPORT_FILE: _json(report)})
    return out / ARCHIVE_FILE


def check_folder(out: Path) -> None:
    """Raise :class:`UserError` for a folder that a build cannot replace, before the work is done.

    It can replace what is not there, an empty folder, and an earlier build.
    """
    path = out.absolute()
    there = next(place for place in (path, *path.parents) if place.is_symlink() or place.exists())
    if not there.is_dir():
        raise UserError(f"--out {out} cannot be written: {there} is no folder, name another")
    written = [there]
    if there == path:
        written = [path.resolve(), path.resolve().parent]
        _check_contents(out)
    for folder in written:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"--out {out} cannot be written: {folder} refuses it, name another")


def _check_contents(out: Path) -> None:
    """Refuse a folder that is in use, or holds anything but an earlier build."""
    if out.samefile(Path.cwd()) or out.is_mount():
        raise UserError(f"--out {out} is in use and cannot be replaced: name a folder in it")
    report = out / REPORT_FILE
    known = report.is_file() and b'"tenzo_version"' in report.read_bytes()
    for entry in sorted(out.iterdir()):
        if not known or entry.name not in _NAMES or entry.is_symlink() or not entry.is_file():
            raise UserError(
                f"--out {out} holds {entry.name}, which is not an earlier build's: name a new "
                "folder, or an earlier build's"
            )


def _write(out: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder beside, then put it in place."""
    check_folder(out)
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(mkdtemp(prefix=f".{NAME}.", dir=out.parent))
    made, before = beside / "made", beside / "before"
    try:
        made.mkdir()
        for name, data in files.items():
            (made / name).write_bytes(data)
        if COMMANDS_FILE in files:
            (made / COMMANDS_FILE).chmod(0o755)
        if out.exists():
            out.replace(before)
        made.replace(out)
    finally:
        if before.exists() and not out.exists():  # broken off between the two
            before.replace(out)
        shutil.rmtree(beside, ignore_errors=True)


def _sources(design: Design, out: Path) -> dict[str, bytes]:
    """Return the files that the tools read, and what a host needs to know."""
    pins = [
        {"port": pin.port, "direction": pin.direction, "pin": pin.site, **pin.settings}
        for pin in design.pins
    ]
    return {
        VERILOG_FILE: design.verilog.encode(),
        _CONSTRAINTS[design.board.family.name]: design.constraints.encode(),
        PINS_FILE: _json(pins),
        CONFIG_FILE: design.config_text(out).encode(),
    }


def _design_document(design: Design) -> dict[str, Any]:
    """Return what was asked of the tools."""
    board, engine = design.board, design.engine
    return {
        "tenzo_version": tenzo.__version__,
        "protocol_version": PROTOCOL_VERSION,
        "name": design.config.name,
        "board": board.name,
        "device": board.device,
        "loader_board": board.loader_board,
        "loader_cable": board.loader_cable,
        "lanes": engine.lane_count,
        "clock_mhz": float(design.clock_mhz),
        "baud": design.baud,
        "divisor": design.divisor,
        "engine_digest": f"{engine.digest:#018x}",
        "configuration_hash": design.config.digest(),
        "gateware_hash": design.gateware_hash,
        "engine": design.config.document()["engine"],
        "expected": {
            "luts": design.use.luts,
            "block_rams": design.use.block_rams,
            "multipliers": design.use.multipliers,
        },
    }


def report_document(built: Built) -> dict[str, Any]:
    """Return what ``report.json`` holds; only what ends in ``_seconds`` differs between runs."""
    design, outcome = built.design, built.outcome
    path = outcome.critical_path
    shown = path if len(path) <= _LONGEST_PATH else (*path[:6], "...", *path[-5:])
    return {
        **_design_document(design),
        "bitstream": BITSTREAMS[design.board.family.name],
        "bitstream_hash": hashlib.sha256(built.bitstream).hexdigest(),
        "achieved_mhz": round(outcome.achieved_mhz, 3),
        "meets_clock": outcome.meets,
        "seed": built.seed,
        "used": {kind: list(pair) for kind, pair in outcome.used.items()},
        "critical_path": list(shown),
        "attempts": [
            {
                "lanes": attempt.lanes,
                "seed": attempt.seed,
                "achieved_mhz": round(attempt.outcome.achieved_mhz, 3),
            }
            for attempt in built.attempts
        ],
        "tools": {step.package: _version(step.package) for step in built.steps},
        **{
            f"{title.replace(' ', '_')}_seconds": round(seconds, 1)
            for title, seconds in built.seconds.items()
        },
    }


def _version(package: str) -> str:
    """Return the version of a tool's package; the variable may name a tool of another origin."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not from a Python package"


def _page(report: dict[str, Any], commands: str) -> str:
    """Return the report as a page that loads nothing."""
    from tenzo.sw.report.page import environment

    return environment().get_template("build.html.j2").render(report=report, commands=commands)


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
