"""The tutorial does what it says: its files are written, its commands run, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"


class Block(NamedTuple):
    """A block of code: its language, the text before it and its lines."""

    language: str
    before: str
    code: str


def blocks() -> list[Block]:
    """Return all blocks of code in the tutorial, in order."""
    parts = re.split(r"^```(\w+)\n(.*?)^```$", TUTORIAL.read_text("utf-8"), flags=re.M | re.S)
    return [Block(parts[i + 1], parts[i], parts[i + 2]) for i in range(0, len(parts) - 1, 3)]


def file_name(block: Block) -> str:
    """Return the last name that the text before a file asks to save it as."""
    names = re.findall(r"save\s+this\s+as\s+`([^`]+)`", block.before, flags=re.I)
    assert names, f"no file name before:\n{block.code}"
    return names[-1]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block in the shell; a line may state its exit status as ``# exits 1``."""
    lines = []
    for line in code.splitlines():
        command, _, status = line.partition("  # exits ")
        expected = f"status=0; {command} || status=$?; test $status -eq {status}"
        lines.append(expected if status else line)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_files_of_the_tutorial_have_names():
    names = [file_name(block) for block in blocks() if block.language in ("python", "toml")]
    assert names == ["make_csv.py", "to_npz.py", "beans.toml"]


def test_tutorial_goes_from_csv_to_report():
    commands = "".join(block.code for block in blocks() if block.language == "sh")
    found = re.findall(r"^tenzo (\w+)", commands, flags=re.M)
    for name in ("init", "plan", "train", "evaluate", "verilog", "cosim", "report"):
        assert name in found


@pytest.mark.slow
def test_every_block_of_the_tutorial_works(tmp_path):
    for block in blocks():
        if block.language == "sh":
            result = run(block.code, tmp_path)
            assert result.returncode == 0, f"{block.code}\n{result.stdout}\n{result.stderr}"
        elif block.language != "text":
            (tmp_path / file_name(block)).write_text(block.code, "utf-8")
    for name in ("plan.svg", "run/summary.json", "run/report.html"):
        assert (tmp_path / name).stat().st_size > 0
