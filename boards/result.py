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
from tenzo.boards.steps import BITSTREAMS, NAME
from tenzo.sw.engine import PROTOCOL_VERSION
from tenzo.sw.errors import UserError

REPORT_FILE, PAGE_FILE, PINS_FILE, COMMANDS_FILE, CONFIG_FILE = (
    "report.json",
    "report.html",
    "pins.json",
    "commands.sh",
    "config.toml",
)
_LONGEST_PATH = 12


def write_result(built: Built, out: Path) -> Path:
    """Write the folder of a build in one step: it is whole, or as it was before.

    Returns
    -------
    The bitstream's file.

    Raises
    ------
    UserError
        If ``out`` is there and holds anything but an earlier build.
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
    name = f"{NAME}.zip"
    report = {**_design_document(design), "bitstream": "", "archive": name}
    data = vendor_archive(design)
    _write(out, {**_sources(design, out), name: data, REPORT_FILE: _json(report)})
    return out / name


def check_folder(out: Path) -> None:
    """Refuse a folder that holds other things, before the work is done."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} must be a folder, not a file: name another")
    if out.is_dir() and any(out.iterdir()) and not (out / REPORT_FILE).is_file():
        raise UserError(f"--out {out} holds other files: name a new folder, or an earlier build's")
    parent = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"--out {out} cannot be written: {parent} refuses it, name another")


def _write(out: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder beside, then put it in place."""
    check_folder(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        for name, data in files.items():
            (part / name).write_bytes(data)
        part.chmod(0o755)
        if (part / COMMANDS_FILE).exists():
            (part / COMMANDS_FILE).chmod(0o755)
        old = Path(mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            if out.exists():
                out.replace(old / "before")
            part.replace(out)
        finally:
            shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _sources(design: Design, out: Path) -> dict[str, bytes]:
    """Return the files that the tools read, and what a host needs to know."""
    pins = [
        {"port": pin.port, "direction": pin.direction, "pin": pin.site, **pin.settings}
        for pin in design.pins
    ]
    return {
        f"{NAME}.v": design.verilog.encode(),
        f"{NAME}{SUFFIXES[design.board.family.name]}": design.constraints.encode(),
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
