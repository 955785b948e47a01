"""Programs that stand in for the tools of a build: they read and write the same files."""

from __future__ import annotations

import sys
from pathlib import Path

SYNTHESIS = """
print("2.1. Executing HIERARCHY pass")
(here / "tenzo_board.json").write_text("{}")
"""
PLACEMENT = """
seed = int(sys.argv[sys.argv.index("--seed") + 1])
print("Info: Packing IOs..\\nInfo: Routing 100 arcs.")
print("Info:       1000 |       99        900 |   99   900 |        25|       1.0       1.0|")
clock = "$glbnet$clk"
lanes = (here / "tenzo_board.v").read_text().count("lane")
report = {
    "fmax": {clock: {"achieved": SPEED(seed, lanes), "constraint": 50}},
    "utilization": {"TRELLIS_COMB": {"used": 11, "available": 24288}},
    "critical_paths": [
        {"from": "posedge " + clock, "to": "posedge " + clock,
         "path": [{"to": {"cell": "a"}}, {"to": {"cell": "a"}}, {"to": {"cell": "b"}}]}
    ],
}
(here / "nextpnr.json").write_text(json.dumps(report))
(here / "tenzo_board.config").write_text(f"seed {seed}")
"""
PACKING = """
(here / sys.argv[-1]).write_text("bits of " + (here / "tenzo_board.config").read_text())
"""


def install(folder: Path, monkeypatch, speed: str = "lambda seed, lanes: 60.5", **bodies: str):
    """Put programs into a folder and name them in the environment.

    Parameters
    ----------
    speed : str
        What place-and-route reaches, a function of seed and lanes.
    bodies : str
        Body of YOSYS, NEXTPNR_ECP5 or ECPPACK instead of the usual one.
    """
    usual = {"YOSYS": SYNTHESIS, "NEXTPNR_ECP5": PLACEMENT, "ECPPACK": PACKING}
    for variable, body in {**usual, **bodies}.items():
        program = folder / variable.lower()
        head = (
            f"#!{sys.executable}\nimport json, sys\nfrom pathlib import Path\nhere = Path.cwd()\n"
        )
        program.write_text(head + f"SPEED = {speed}\n" + body)
        program.chmod(0o755)
        monkeypatch.setenv(variable, str(program))
